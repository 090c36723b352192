# chatmail-install: installs NixOS and a relay on a machine, over ssh. It runs on the operator's computer.
{
  disko ? null, # a reduced package set does not have it
  gitMinimal,
  lib,
  nix,
  nixos-anywhere ? null, # the same
  openssh,
  python3Packages,
}:
let
  template = ../../templates/operator;
  programs = lib.filter (program: program != null) [
    disko
    gitMinimal
    nix
    nixos-anywhere
    openssh
  ];
in
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ gitMinimal ];
  makeWrapperArgs = [
    "--prefix PATH : ${lib.makeBinPath programs}"
    "--set-default CHATMAIL_TEMPLATE ${template}"
  ];
  env.CHATMAIL_TEMPLATE = "${template}";
}
