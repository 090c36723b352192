# From docs/raspberry-pi.md.
{
  boot.binfmt.emulatedSystems = [ "aarch64-linux" ];
}
