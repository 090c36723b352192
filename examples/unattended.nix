# A relay that upgrades itself: each night it builds the newest state of its flake, and keeps it only if mail still works.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    web.contact.mail = "admin@example.org";
    autoUpgrade = {
      enable = true;
      flake = "github:example/relay";
      dates = "04:40";
    };
  };

  security.acme.acceptTerms = true;
}
