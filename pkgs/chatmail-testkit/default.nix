# chatmail-testkit: the people, messages and mail clients of tests and scripts. Not part of a relay.
{ lib, python3Packages }:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ ];
}
