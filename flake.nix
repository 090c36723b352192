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
      examples = {
        minimal = ./examples/minimal.nix;
      };
    in
    {
      nixosModules = {
        chatmail = ./modules/chatmail.nix;
        default = self.nixosModules.chatmail;
      };

      packages = forAllSystems (pkgs: {
        chatmaild = pkgs.callPackage ./pkgs/chatmaild { };
        instant-idle = pkgs.callPackage ./pkgs/instant-idle { };
        default = self.packages.${pkgs.stdenv.hostPlatform.system}.chatmaild;
      });

      apps = forAllSystems (
        pkgs:
        let
          script = name: description: {
            type = "app";
            program = "${pkgs.writeShellScript name ''exec ${./.}/scripts/${name} "$@"''}";
            meta = { inherit description; };
          };
        in
        {
          try = script "try" "Two relays on this machine, and a message between them";
          lab = script "lab" "Relays, name server and clients in containers on this machine";
        }
      );

      checks = forAllSystems (
        pkgs:
        let
          inherit (pkgs.stdenv.hostPlatform) system;
        in
        # building chatmaild runs its unit tests
        {
          inherit (self.packages.${system}) chatmaild instant-idle;

          formatting =
            pkgs.runCommand "chatmail-formatting"
              {
                nativeBuildInputs = [
                  pkgs.deadnix
                  pkgs.nixfmt
                  pkgs.ruff
                  pkgs.statix
                ];
              }
              ''
                cd ${./.}
                find . -name '*.nix' -print0 | xargs -0 nixfmt --check
                deadnix --fail --no-lambda-pattern-names .
                statix check .
                ruff check --no-cache .
                ruff format --no-cache --check .
                touch $out
              '';
        }
        // lib.mapAttrs' (
          name: example:
          lib.nameValuePair "example-${name}" (machine system example).config.system.build.toplevel
        ) examples
      );

      formatter = forAllSystems (
        pkgs:
        pkgs.writeShellApplication {
          name = "format";
          runtimeInputs = [
            pkgs.nixfmt
            pkgs.ruff
          ];
          text = ''
            find "''${@:-.}" -name '*.nix' -print0 | xargs -0 nixfmt
            ruff format "''${@:-.}"
          '';
        }
      );

      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.chatmaild ];
          packages = [
            pkgs.deadnix
            pkgs.mypy
            pkgs.nixfmt
            pkgs.ruff
            pkgs.statix
          ];
        };
      });
    };
}
