# { self, nixpkgs, formatter, images, vm } -> pkgs -> { NAME = derivation; }: the checks of flake.nix for one system.
{
  self,
  nixpkgs,
  formatter,
  images,
  vm,
}:
pkgs:
let
  inherit (nixpkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  ours = import ../pkgs pkgs;

  # a NixOS machine with a module, for evaluation
  machineOf =
    system: module:
    lib.nixosSystem {
      inherit system;
      modules = [
        module
        {
          # NixOS asserts that it has a boot loader and disks
          boot.isContainer = true;
          system.stateVersion = "26.05";
        }
      ];
    };
  machine = machineOf system;
  # the inputs of an operator's flake
  inputs = {
    inherit nixpkgs;
    chatmail = self;
  };

  # { NAME = ./folder/NAME.nix; }
  filesIn =
    folder:
    lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) (folder + "/${file}")) (
      lib.filterAttrs (file: _: lib.hasSuffix ".nix" file) (builtins.readDir folder)
    );
  prefixed = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");

  units = lib.mapAttrs (_: package: package.tests.units) (
    lib.filterAttrs (_: package: package ? tests.units) ours
  );
  examples = lib.mapAttrs (_: example: (machine example).config.system.build.toplevel) (
    filesIn ../examples
  );
  # one flake, four machines; an operator adds disks and a boot loader
  cluster =
    lib.mapAttrs
      (
        _: configuration:
        (configuration.extendModules {
          modules = [
            {
              boot.isContainer = true;
              nixpkgs.hostPlatform = system;
            }
          ];
        }).config.system.build.toplevel
      )
      ((import ../examples/cluster/flake.nix).outputs inputs).nixosConfigurations;
  scenarios = filesIn ./nixos/mail // filesIn ./nixos/system // filesIn ./nixos/upgrade;
  # without pebble, an ACME server, in a reduced package set
  possible = removeAttrs scenarios (lib.optional (!pkgs ? pebble) "acme-orders-the-certificate");

  text = {
    formatting = pkgs.runCommand "chatmail-formatting" { nativeBuildInputs = [ (formatter pkgs) ]; } ''
      cp -r ${self} source && chmod -R u+w source && cd source
      HOME=$TMPDIR format --ci
      touch $out
    '';

    options-doc = pkgs.runCommand "chatmail-options-doc" { } ''
      diff -u ${../docs/options.md} ${self.packages.${system}.options-doc} || {
        echo "docs/options.md is out of date; its first lines say how it is made" >&2
        exit 1
      }
      touch $out
    '';
  }
  # a reduced package set has no mdbook, actionlint and shellcheck
  // lib.optionalAttrs (pkgs ? mdbook) { docs = import ../docs/site { inherit pkgs; }; }
  // lib.optionalAttrs (pkgs ? shellcheck) {
    workflows =
      pkgs.runCommand "chatmail-workflows"
        {
          nativeBuildInputs = [
            pkgs.actionlint
            pkgs.shellcheck
          ];
        }
        ''
          cd ${self}
          actionlint .github/workflows/*.yml
          shellcheck --external-sources --source-path=SCRIPTDIR scripts/ci/*
          touch $out
        '';
  };

  # these are evaluated, and build nothing
  evaluated = {
    assertions =
      assert import ./nixos/assertions { inherit lib machine; };
      pkgs.writeText "chatmail-assertions" "as intended\n";

    settings-schema =
      assert import ./nixos/settings { inherit lib; };
      pkgs.writeText "chatmail-settings-schema" "current\n";

    # the Nix code in the documents
    snippets =
      assert import ./nixos/snippets { inherit inputs lib machine; };
      pkgs.writeText "chatmail-snippets" "evaluated\n";

    # the flakes that `nix run .#install` writes
    installed =
      assert import ./nixos/installed { inherit inputs lib; };
      pkgs.writeText "chatmail-installed" "evaluated\n";

    # effects that options have on NixOS only
    options =
      assert import ./nixos/options { inherit lib machine; };
      pkgs.writeText "chatmail-options" "effective\n";
  }
  // lib.optionalAttrs (system != "aarch64-linux") {
    # shows without an aarch64 builder that every package for a Raspberry Pi exists
    aarch64 = pkgs.writeText "chatmail-aarch64" (
      lib.concatMapStringsSep "\n" (derivation: builtins.unsafeDiscardStringContext derivation.drvPath) (
        map (example: (machineOf "aarch64-linux" example).config.system.build.toplevel) (
          lib.attrValues (filesIn ../examples)
        )
        ++ [
          (vm "aarch64-linux").config.system.build.toplevel
          self.nixosConfigurations.rpi.config.system.build.toplevel
        ]
        ++ lib.attrValues self.packages.aarch64-linux
      )
    );
  };
in
ours
// text
// evaluated
// {
  # the lab and NixOS configure Postfix and Dovecot alike
  agreement = import ./nixos/agreement {
    inherit pkgs;
    inherit (machine ../examples/minimal.nix) config;
  };

  # `nix flake init` writes a complete machine
  template =
    ((import ../templates/operator/flake.nix).outputs inputs)
    .nixosConfigurations.relay.config.system.build.toplevel;
}
// prefixed "units" units
// prefixed "example" examples
// prefixed "example-cluster" cluster
// prefixed "image" (lib.mapAttrs (_: build: build.toplevel) images.${system})
// prefixed "nixos" (lib.mapAttrs (_: test: pkgs.testers.runNixOSTest test) possible)
