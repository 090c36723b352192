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

      # a temporary relay in QEMU
      vm =
        system:
        lib.nixosSystem {
          inherit system;
          modules = [ ./images/vm.nix ];
        };
      # machines that are set up from chatmail.toml; images and checks share one evaluation
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
        # the SD card of a Raspberry Pi; docs/install/raspberry-pi.md
        rpi = lib.nixosSystem { modules = [ ./images/raspberry-pi.nix ]; };
        vm = vm "x86_64-linux";
      };

      templates.default = {
        path = ./templates/operator;
        description = "A NixOS machine that is a chatmail relay";
      };

      overlays.default = final: _: { chatmailPackages = import ./pkgs final; };

      packages = forAllSystems (
        pkgs:
        let
          ours = import ./pkgs pkgs;
        in
        ours
        // {
          options-doc = pkgs.writeText "options.md" (import ./docs/site/options.nix);
          default = ours.chatmaild;
        }
        # machines that are set up from chatmail.toml; docs/install.md. A reduced package set cannot build images
        // lib.optionalAttrs (pkgs ? vmTools) {
          inherit (images.${pkgs.stdenv.hostPlatform.system}.disk) image-qcow2 image-raw-efi;
        }
        // lib.optionalAttrs (pkgs ? pixz) {
          inherit (images.${pkgs.stdenv.hostPlatform.system}.proxmox-lxc) image-proxmox-lxc;
        }
      );

      # always for aarch64: built by emulation, a remote builder or a Raspberry Pi. `packages` has what every system can
      # build for itself
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
          try =
            app "try" "Start two relays on this machine and send a message between them"
              "${self}/scripts/try";
          lab = app "lab" "Run relays, a name server and clients in containers on this machine" (
            lib.getExe (import ./pkgs pkgs).chatmail-lab
          );
          install = {
            type = "app";
            program = lib.getExe (import ./pkgs pkgs).chatmail-install;
            meta.description = "Install NixOS and a relay on a machine over ssh";
          };
          vm = {
            type = "app";
            program = lib.getExe' (vm pkgs.stdenv.hostPlatform.system).config.system.build.vm "run-vm-vm";
            meta.description = "Start a temporary relay in QEMU";
          };
        }
      );

      checks = forAllSystems (
        import ./tests/checks.nix {
          inherit
            formatter
            images
            nixpkgs
            self
            vm
            ;
        }
      );

      formatter = forAllSystems formatter;

      devShells = forAllSystems (pkgs: {
        default = import ./tests/shell.nix { inherit pkgs; };
      });
    };
}
