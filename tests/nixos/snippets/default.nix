# { lib, machine, inputs } -> true: what README.md and docs tell operators to write is taken by NixOS. The files beside
# this one are these snippets; tests/nix/repository/test_snippets_in_documents_evaluate.py makes them. A flake is a whole
# machine, the others are modules of the smallest relay. `machine MODULE` is evaluated only.
{
  lib,
  machine,
  inputs,
}:
let
  files = lib.filter (
    file: lib.hasSuffix ".nix" file && file != "default.nix" && file != "hardware-configuration.nix"
  ) (lib.attrNames (builtins.readDir ./.));
  system =
    snippet:
    if snippet ? outputs then
      (snippet.outputs inputs).nixosConfigurations.relay
    else
      machine {
        imports = [
          ../../../examples/minimal.nix
          snippet
        ];
      };
  failures =
    file:
    map (failed: "${file}: ${failed.message}") (
      lib.filter (assertion: !assertion.assertion) (system (import (./. + "/${file}"))).config.assertions
    );
  told = lib.concatMap failures files;
in
if told != [ ] then throw (lib.concatStringsSep "\n" told) else true
