# chatmail-nixos: guarded upgrades and the set-up of a prepared image.
{ lib, python3Packages }:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ ];
}
