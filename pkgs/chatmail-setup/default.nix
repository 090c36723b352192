# chatmail-setup: turns a prepared image into the relay that chatmail.toml describes. It activates systems as
# chatmail-upgrade does.
{
  callPackage,
  lib,
  python3Packages,
}:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  ours = [ (callPackage ../chatmail-upgrade { }) ];
  checkInputs = [ ];
}
