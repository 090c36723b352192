# A machine without IPv6: nothing listens on it, and no AAAA record is asked for. The relay follows the machine.
{
  imports = [ ../modules/chatmail.nix ];

  networking.enableIPv6 = false;

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
  };

  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
