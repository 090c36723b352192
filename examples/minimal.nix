# A whole relay.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
  };

  # Let's Encrypt: to be read and agreed to by whoever runs the relay
  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
