# A machine that the Internet reaches over IPv6 alone, as behind a provider's shared IPv4 address. Whoever has IPv4 alone
# cannot write to it.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    ipv4.enable = false;
  };

  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
