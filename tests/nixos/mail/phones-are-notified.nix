# The selftest reaches the notification server, here a fake one in nginx.
{
  name = "chatmail-phones-are-notified";
  nodes.relay =
    { pkgs, ... }:
    let
      authority = import ../support/authority.nix { inherit pkgs; };
      certificate = authority.certificate "notifier.test";
    in
    {
      imports = [ ../support/relay.nix ];
      services.chatmail.push = {
        enable = true;
        notifierUrl = "https://notifier.test:9443/notify";
      };
      security.pki.certificateFiles = [ authority.ca ];
      networking.hosts."127.0.0.1" = [ "notifier.test" ];
      services.nginx.virtualHosts."notifier.test" = {
        onlySSL = true;
        listen = [
          {
            addr = "127.0.0.1";
            port = 9443;
            ssl = true;
          }
        ];
        sslCertificate = "${certificate}/fullchain.pem";
        sslCertificateKey = "${certificate}/key.pem";
        # the reply for an expired token
        locations."= /notify".return = "410";
      };
    };
  testScript = ''
    relay.wait_for_unit("multi-user.target")
    relay.wait_until_succeeds("chatmail selftest | grep 'the notification server answers (410)'", timeout=60)
  '';
}
