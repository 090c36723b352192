# A machine that is a chatmail relay. Fill in the places marked with "->", then on the machine:
#   nixos-rebuild switch --flake .#relay; chatmail dns
{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    # -> where this template came from
    chatmail.url = "github:example/chatmail";
    chatmail.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { nixpkgs, chatmail, ... }:
    {
      nixosConfigurations.relay = nixpkgs.lib.nixosSystem {
        modules = [
          chatmail.nixosModules.default
          # -> disks, boot loader, network
          ./hardware-configuration.nix
          {
            networking.hostName = "relay";
            system.stateVersion = "26.05";
            services.openssh.enable = true;

            services.chatmail = {
              enable = true;
              domain = "chat.example.org"; # -> your domain
              web.contact.mail = "me@example.org"; # -> for questions about privacy
            };
            # -> read the terms at https://letsencrypt.org/repository/
            security.acme.acceptTerms = true;
          }
        ];
      };
    };
}
