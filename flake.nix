{
  description = "Chatmail relays: the small e-mail servers behind Delta Chat, as a NixOS module";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAllSystems = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # a whole machine with the relay of an example
      machine =
        system: example:
        lib.nixosSystem {
          inherit system;
          modules = [
            example
            {
              # what a machine needs and a relay does not ask for
              boot.isContainer = true;
              system.stateVersion = "26.05";
            }
          ];
        };
      # a throw-away relay in QEMU
      vm =
        system:
        lib.nixosSystem {
          inherit system;
          modules = [ ./images/vm.nix ];
        };
      # machines that are set up from chatmail.toml, evaluated once for images and checks
      images = forAllSystems (
        pkgs:
        lib.mapAttrs
          (
            _: module:
            (lib.nixosSystem {
              inherit (pkgs.stdenv.hostPlatform) system;
              modules = [ module ];
            }).config.system.build
          )
          {
            disk = ./images/disk.nix;
            proxmox-lxc = ./images/proxmox-lxc.nix;
          }
      );
      # { NAME = ./folder/NAME.nix; }: what is in the folder is checked
      filesIn =
        folder:
        lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) (folder + "/${file}")) (
          lib.filterAttrs (file: _: lib.hasSuffix ".nix" file) (builtins.readDir folder)
        );
      # of an operator's flake
      inputs = {
        inherit nixpkgs;
        chatmail = self;
      };
      prefixed = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");

      formatter =
        pkgs:
        pkgs.writeShellApplication {
          name = "format";
          runtimeInputs = [
            pkgs.deadnix
            pkgs.nixfmt
            pkgs.ruff
            pkgs.statix
            pkgs.treefmt
          ];
          text = ''exec treefmt --config-file ${./treefmt.toml} --tree-root "$PWD" "$@"'';
        };
    in
    {
      nixosModules = {
        chatmail = ./modules/chatmail.nix;
        default = self.nixosModules.chatmail;
      };

      nixosConfigurations = {
        # the SD card of a Raspberry Pi; docs/raspberry-pi.md
        rpi = lib.nixosSystem { modules = [ ./images/raspberry-pi.nix ]; };
        vm = vm "x86_64-linux";
      };

      templates.default = {
        path = ./templates/operator;
        description = "A machine of one's own that is a chatmail relay";
      };

      overlays.default = final: _: { chatmailPackages = import ./pkgs final; };

      packages = forAllSystems (
        pkgs:
        let
          ours = import ./pkgs pkgs;
        in
        ours
        // {
          options-doc = pkgs.writeText "options.md" (import ./docs/options.nix);
          default = ours.chatmaild;
        }
        # machines that are set up from chatmail.toml; docs/install.md. A reduced package set cannot make images
        // lib.optionalAttrs (pkgs ? vmTools) {
          inherit (images.${pkgs.stdenv.hostPlatform.system}.disk) image-qcow2 image-raw-efi;
        }
        // lib.optionalAttrs (pkgs ? pixz) {
          inherit (images.${pkgs.stdenv.hostPlatform.system}.proxmox-lxc) image-proxmox-lxc;
        }
      );

      # Of aarch64, whoever asks: built by emulation, a remote builder, or a Raspberry Pi. It is not among the packages,
      # which all build where they are asked for.
      legacyPackages = forAllSystems (_: {
        sdImage-rpi = self.nixosConfigurations.rpi.config.system.build.sdImage;
      });

      apps = forAllSystems (
        pkgs:
        let
          workshop = import ./tests/workshop.nix { inherit pkgs; };
          app = name: description: command: {
            type = "app";
            program = lib.getExe (
              pkgs.writeShellApplication {
                inherit name;
                runtimeInputs = workshop.programs;
                runtimeEnv = workshop.variables // {
                  CHATMAIL_CHECKOUT = "${self}";
                  CHATMAIL_LAB_COMMAND = "nix run ${self}#lab --";
                };
                text = ''exec ${command} "$@"'';
              }
            );
            meta = { inherit description; };
          };
        in
        {
          try = app "try" "Two relays on this machine, and a message between them" "${self}/scripts/try";
          lab = app "lab" "Relays, name server and clients in containers on this machine" (
            lib.getExe (import ./pkgs pkgs).chatmail-lab
          );
          install = {
            type = "app";
            program = lib.getExe (import ./pkgs pkgs).chatmail-install;
            meta.description = "Installs NixOS and a relay on a machine, over ssh";
          };
          vm = {
            type = "app";
            program = lib.getExe' (vm pkgs.stdenv.hostPlatform.system).config.system.build.vm "run-vm-vm";
            meta.description = "A throw-away relay in QEMU";
          };
        }
      );

      checks = forAllSystems (
        pkgs:
        let
          inherit (pkgs.stdenv.hostPlatform) system;
          ours = import ./pkgs pkgs;
        in
        ours
        // prefixed "units" (
          lib.mapAttrs (_: package: package.tests.units) (
            lib.filterAttrs (_: package: package ? tests.units) ours
          )
        )
        // {
          formatting = pkgs.runCommand "chatmail-formatting" { nativeBuildInputs = [ (formatter pkgs) ]; } ''
            cp -r ${./.} source && chmod -R u+w source && cd source
            HOME=$TMPDIR format --ci
            touch $out
          '';

          options-doc = pkgs.runCommand "chatmail-options-doc" { } ''
            diff -u ${./docs/options.md} ${self.packages.${system}.options-doc} || {
              echo "docs/options.md is out of date; its first lines say how it is made" >&2
              exit 1
            }
            touch $out
          '';
        }
        // {
          # evaluated, nothing more: which machines are refused, and why
          assertions =
            assert import ./tests/nixos/assertions {
              inherit lib;
              machine = machine system;
            };
            pkgs.writeText "chatmail-assertions" "told\n";

          settings-schema =
            assert import ./tests/nixos/settings { inherit lib; };
            pkgs.writeText "chatmail-settings-schema" "current\n";

          # the same: what the documents tell operators to write
          snippets =
            assert import ./tests/nixos/snippets {
              inherit inputs lib;
              machine = machine system;
            };
            pkgs.writeText "chatmail-snippets" "taken\n";

          # the same: what `nix run .#install` writes
          installed =
            assert import ./tests/nixos/installed { inherit inputs lib; };
            pkgs.writeText "chatmail-installed" "taken\n";

          # the same: what options do that only a whole NixOS has
          options =
            assert import ./tests/nixos/options {
              inherit lib;
              machine = machine system;
            };
            pkgs.writeText "chatmail-options" "effective\n";

          agreement = import ./tests/nixos/agreement {
            inherit pkgs;
            inherit (machine system ./examples/minimal.nix) config;
          };

          # what `nix flake init` gives is a whole machine
          template =
            ((import ./templates/operator/flake.nix).outputs inputs)
            .nixosConfigurations.relay.config.system.build.toplevel;
        }
        # a package set that was cut down has no mdbook
        // lib.optionalAttrs (pkgs ? mdbook) { docs = import ./docs/site.nix { inherit pkgs; }; }
        # nor actionlint
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
                cd ${./.}
                actionlint .github/workflows/*.yml
                shellcheck --external-sources --source-path=SCRIPTDIR scripts/ci/*
                touch $out
              '';
        }
        // lib.optionalAttrs (system != "aarch64-linux") {
          # evaluated, nothing more: whoever has another processor sees that everything is there for Raspberry Pis, too
          aarch64 = pkgs.writeText "chatmail-aarch64" (
            lib.concatMapStringsSep "\n" (derivation: builtins.unsafeDiscardStringContext derivation.drvPath) (
              map (example: (machine "aarch64-linux" example).config.system.build.toplevel) (
                lib.attrValues (filesIn ./examples)
              )
              ++ [
                (vm "aarch64-linux").config.system.build.toplevel
                self.nixosConfigurations.rpi.config.system.build.toplevel
              ]
              ++ lib.attrValues self.packages.aarch64-linux
            )
          );
        }
        // prefixed "image" (lib.mapAttrs (_: build: build.toplevel) images.${system})
        // prefixed "example" (
          lib.mapAttrs (_: example: (machine system example).config.system.build.toplevel) (
            filesIn ./examples
          )
        )
        // prefixed "nixos" (
          lib.mapAttrs (_: test: pkgs.testers.runNixOSTest test) (
            removeAttrs (filesIn ./tests/nixos) (
              # the ACME server that NixOS tests against
              lib.optional (!pkgs ? pebble) "the-certificate-is-ordered"
            )
          )
        )
      );

      formatter = forAllSystems formatter;

      devShells = forAllSystems (pkgs: {
        default = import ./tests/shell.nix { inherit pkgs; };
      });
    };
}
