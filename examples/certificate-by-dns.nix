# A certificate ordered by DNS-01, for machines whose port 80 belongs to somebody else or to nobody.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    web.port443 = "off";
  };

  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
    certs."chat.example.org" = {
      dnsProvider = "rfc2136";
      environmentFile = "/var/lib/secrets/rfc2136.env";
    };
  };
}
