# One relay on four machines, in one flake. Fill in the places marked with "->", then for each machine:
#   nixos-rebuild switch --flake .#front1 --target-host root@192.0.2.1
{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    # -> where this example came from
    chatmail.url = "github:example/chatmail";
    chatmail.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { nixpkgs, chatmail, ... }:
    {
      nixosConfigurations =
        nixpkgs.lib.genAttrs
          [
            "front1"
            "front2"
            "store1"
            "store2"
          ]
          (
            name:
            nixpkgs.lib.nixosSystem {
              modules = [
                chatmail.nixosModules.default
                # -> disks, boot loader, network of this machine
                ./${name}.nix
                { system.stateVersion = "26.05"; }
              ];
            }
          );
    };
}
