# chatmail-setup: turns a prepared image into the relay that chatmail.toml describes.
{
  chatmail-upgrade,
  lib,
  python3Packages,
}:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ ];
  libraries = { inherit chatmail-upgrade; };
}
