# From README.md.
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  inputs.chatmail.url = "github:example/chatmail";
  inputs.chatmail.inputs.nixpkgs.follows = "nixpkgs";
  outputs =
    { nixpkgs, chatmail, ... }:
    {
      nixosConfigurations.relay = nixpkgs.lib.nixosSystem {
        modules = [
          chatmail.nixosModules.default
          ./hardware-configuration.nix
          {
            services.chatmail.enable = true;
            services.chatmail.domain = "chat.example.org";
            # the terms of Let's Encrypt, https://letsencrypt.org/repository/
            security.acme.acceptTerms = true;
            system.stateVersion = "26.05";
          }
        ];
      };
    };
}
