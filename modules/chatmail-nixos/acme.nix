# The certificate of a relay that orders it by ACME: HTTP-01 by default; whoever sets
# security.acme.certs.<domain>.dnsProvider (or the same below security.acme.defaults) gets DNS-01.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkIf;
  cfg = config.services.chatmail;
  settings = import ../chatmail/settings.nix { inherit lib cfg; };
  certificate = config.security.acme.certs.${settings.domain};
  otherChallenge =
    certificate.dnsProvider != null || certificate.listenHTTP != null || certificate.s3Bucket != null;
in
{
  config = mkIf (cfg.enable && settings.tls.mode == "acme") {
    security.acme.certs.${settings.domain} = {
      # NixOS wants exactly one challenge
      webroot = mkIf (!otherChallenge) (mkDefault "/var/lib/acme/acme-challenge");
      # the issuer writes there about the account; nobody has to be able to read it
      email = mkDefault (
        if config.security.acme.defaults.email != null then
          config.security.acme.defaults.email
        else if cfg.web.contact.mail != null then
          cfg.web.contact.mail
        else
          "postmaster@${settings.domain}"
      );
    };

    assertions = [
      {
        assertion = settings.web.port443 != "off" || otherChallenge;
        message = ''
          services.chatmail.web.port443 is "off", so nothing of the relay answers on port 80 to prove the domain to the
          issuer of the certificate. Set security.acme.certs."${settings.domain}".dnsProvider (DNS-01), or give a
          certificate in services.chatmail.tls.certificateFile and keyFile.
        '';
      }
    ];
  };
}
