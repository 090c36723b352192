# From docs/install/raspberry-pi.md.
{
  boot.binfmt.emulatedSystems = [ "aarch64-linux" ];
}
