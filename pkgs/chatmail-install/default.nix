# chatmail-install: NixOS and a relay onto a machine that answers to ssh. It runs on the operator's computer.
{
  disko ? null, # a package set that was cut down has it not
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
