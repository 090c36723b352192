# The machine that ./probe.sh runs in for examples/given-certificate.nix: with a certificate where the example has one.
{ pkgs, ... }:
let
  directory = "/var/lib/secrets/chat.example.org";
  daemons = [
    "postfix.service"
    "dovecot.service"
    "nginx.service"
  ];
in
{
  imports = [ ../../../examples/given-certificate.nix ];
  services.chatmail.registration.maxLoad = 1000;
  systemd.services.give-certificate = {
    requiredBy = daemons;
    before = daemons;
    path = [ pkgs.openssl ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };
    script = ''
      mkdir -p ${directory}
      cd ${directory}
      openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=chat.example.org -keyout key.pem -out fullchain.pem
      chmod 755 .. .
      chgrp chatmail-tls key.pem
      chmod 640 key.pem
    '';
  };
}
