# chatmail-upgrade: upgrades that keep the new system only if mail still works.
{ lib, python3Packages }:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ ];
}
