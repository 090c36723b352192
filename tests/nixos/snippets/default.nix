# { lib, machine, inputs } -> true: the Nix code in README.md and docs evaluates with NixOS. The files beside this one
# have that code; tests/nix/repository/test_snippets_in_documents_evaluate.py writes them. A file is a flake or a module
# for examples/minimal.nix. `machine MODULE` evaluates a machine with the module.
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
  messages = lib.concatMap failures files;
in
if messages != [ ] then throw (lib.concatStringsSep "\n" messages) else true
