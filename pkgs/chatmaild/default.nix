# chatmaild: the Python services of a relay, and the operator's command `chatmail`.
{ lib, python3Packages }:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [
    python3Packages.dkimpy
    python3Packages.hypothesis
  ];
}
