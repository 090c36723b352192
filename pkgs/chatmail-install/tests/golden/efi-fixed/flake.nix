# The chatmail relay chat.ada.example. After a change:
#   nixos-rebuild switch --flake .#relay --target-host root@203.0.113.5
{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    chatmail.url = "github:ada/chatmail";
    chatmail.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { nixpkgs, chatmail, ... }:
    {
      nixosConfigurations.relay = nixpkgs.lib.nixosSystem {
        modules = [
          chatmail.nixosModules.default
          # disks, boot loader, network
          ./hardware-configuration.nix
          {
            networking.hostName = "relay";
            system.stateVersion = "26.05";
            services.openssh.enable = true;
            users.users.root.openssh.authorizedKeys.keys = [
              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAda ada@laptop"
            ];

            services.chatmail = {
              enable = true;
              domain = "chat.ada.example";
              web.contact.mail = "ada@mail.example";
            };
            # the terms: https://letsencrypt.org/repository/
            security.acme.acceptTerms = true;
          }
        ];
      };
    };
}
