# From README.md.
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  inputs.chatmail.url = "github:example/chatmail";
  outputs = inputs: {
    nixosConfigurations.relay = inputs.nixpkgs.lib.nixosSystem {
      modules = [
        inputs.chatmail.nixosModules.default
        ./hardware-configuration.nix
        { services.chatmail.enable = true; }
        { services.chatmail.domain = "chat.example.org"; }
        { security.acme.acceptTerms = true; } # https://letsencrypt.org/repository/
        { system.stateVersion = "26.05"; }
      ];
    };
  };
}
