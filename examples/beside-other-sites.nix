# A machine that has a web site already: the site keeps its address, and port 443 serves both.
{ pkgs, ... }:
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
  };

  services.nginx.virtualHosts."www.example.org" = {
    enableACME = true;
    forceSSL = true;
    root = pkgs.writeTextDir "index.html" "<p>another site</p>\n";
  };

  security.acme = {
    acceptTerms = true;
    defaults.email = "admin@example.org";
  };
}
