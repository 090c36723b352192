# A relay that keeps itself up to date, and never stays broken: each night it builds the newest state of its flake, and
# keeps it only when the health gate passes.
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
