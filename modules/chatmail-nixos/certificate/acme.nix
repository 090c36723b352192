# The certificate of a relay that orders it by ACME: HTTP-01 by default; whoever sets
# security.acme.certs.<domain>.dnsProvider (or the same below security.acme.defaults) gets DNS-01.
# The issuer wants to see the domain in DNS, and what to publish there the relay itself says, once it runs: an order
# before that would fail, and with it the switch that installs the relay.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf;
  cfg = config.services.chatmail;
  settings = import ../../chatmail/settings.nix { inherit lib cfg; };
  certificate = config.security.acme.certs.${settings.domain};
  otherChallenge =
    certificate.dnsProvider != null || certificate.listenHTTP != null || certificate.s3Bucket != null;
  byDns = certificate.dnsProvider != null;
  order = "acme-order-renew-${settings.domain}.service";
  # from NixOS' own unit: the name below .lego/accounts is a hash that only NixOS knows how to make
  service = config.systemd.services."acme-order-renew-${settings.domain}".serviceConfig;
  account = lib.findFirst (lib.hasPrefix "acme/.lego/accounts/") null (
    lib.toList (service.StateDirectory or [ ])
  );
  names = [ settings.domain ] ++ certificate.extraDomainNames;
  inDns = pkgs.writeShellScript "chatmail-names-are-in-dns" ''
    for name in ${lib.escapeShellArgs names}; do
      ${lib.getExe' pkgs.getent "getent"} ahosts "$name" >/dev/null || {
        echo "$name is not in DNS yet, so no certificate is ordered; chatmail dns says what to publish"
        exit 1
      }
    done
  '';
in
{
  config = mkIf (cfg.enable && settings.tls.mode == "acme" && settings.cluster.role != "store") {
    security.acme.certs.${settings.domain} = {
      # NixOS wants exactly one challenge
      webroot = mkIf (!otherChallenge) (mkDefault (import ./webroot.nix));
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

    # what `chatmail import` and `chatmail export` know about the orders of this machine
    environment.etc."chatmail/acme.json".text = builtins.toJSON {
      inherit (certificate) email;
      # NixOS lets lego choose where it is null
      server =
        if certificate.server != null then
          certificate.server
        else
          "https://acme-v02.api.letsencrypt.org/directory";
      accounts = if account == null then null else "/var/lib/${account}";
      user = service.User or "acme";
      unit = order;
      lego = lib.getExe' pkgs.lego "lego";
    };

    systemd = mkIf (!byDns) {
      # with the rights of root: the order's own sandbox is for the order
      services."acme-order-renew-${settings.domain}".serviceConfig.ExecCondition = "+${inDns}";
      # as soon as DNS is right; five orders in an hour may fail (Let's Encrypt)
      services.chatmail-retry-order = {
        description = "Order the certificate that could not be ordered yet";
        unitConfig.ConditionPathExists = "!${certificate.directory}/acme-success";
        serviceConfig = import ../../chatmail/hardening.nix // {
          Type = "oneshot";
          ExecStart = "${lib.getExe' config.systemd.package "systemctl"} --no-block start ${order}";
          # it only asks systemd, through a unix socket
          PrivateNetwork = true;
        };
      };
      timers.chatmail-retry-order = {
        description = "Order the certificate that could not be ordered yet";
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnActiveSec = "15min";
          OnUnitInactiveSec = "15min";
        };
      };
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
