# A certificate that something else renews (certbot on a neighbour, an authority of the organisation).
# It must be valid for the domain, `www.` and `mta-sts.`; the relay notices when the files change.
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "chat.example.org";
    tls = {
      certificateFile = "/var/lib/secrets/chat.example.org/fullchain.pem";
      keyFile = "/var/lib/secrets/chat.example.org/key.pem";
    };
  };
}
