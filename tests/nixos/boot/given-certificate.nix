# A machine for ./probe.sh: examples/given-certificate.nix, with a certificate at the paths of the example.
{ pkgs, ... }:
let
  name = "chat.example.org";
  directory = "/var/lib/secrets/${name}";
  daemons = [
    "postfix.service"
    "dovecot.service"
    "nginx.service"
  ];
in
{
  imports = [ ../../../examples/given-certificate.nix ];
  services.chatmail.registration.maxLoad = 1000;
  # chatmail-selftest trusts this certificate
  systemd.services.chatmail-selftest.environment.SSL_CERT_FILE = "${directory}/fullchain.pem";
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
      openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=${name} \
        -addext subjectAltName=DNS:${name},DNS:www.${name},DNS:mta-sts.${name} -keyout key.pem -out fullchain.pem
      chmod 755 .. .
      chgrp chatmail-tls key.pem
      chmod 640 key.pem
    '';
  };
}
