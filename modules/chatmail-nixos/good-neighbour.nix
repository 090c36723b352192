# A relay on a machine that does other things, too: what cannot go together is told when the machine is built.
# Over 100 lines: one assertion after the other.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib)
    attrNames
    concatMapStringsSep
    concatStringsSep
    filter
    filterAttrs
    mkIf
    ;
  cfg = config.services.chatmail;
  settings = import ../chatmail/settings.nix { inherit lib cfg; };
  inherit (settings) ports sockets;
  inherit (config.services) dovecot2 nginx postfix;
  show = lib.generators.toPretty { multiline = false; };

  # a store of a cluster has neither web nor mail ports, a front has no mailboxes
  isPublic = settings.cluster.role != "store";
  needed = [ "imap" ] ++ lib.optional (settings.cluster.role != "front") "lmtp";

  # --- port 443
  public = listen: listen.addr != "127.0.0.1" && listen.addr != "[::1]";
  onPort443 =
    host:
    lib.any (listen: public listen && listen.port == ports.https) host.listen
    ||
      host.listen == [ ] && host.listenAddresses != [ ] && (host.onlySSL || host.addSSL || host.forceSSL);
  intruders = attrNames (filterAttrs (_: onPort443) nginx.virtualHosts);
  # services come, go and are renamed; an option's old name is only an alias
  enabled = filter (
    name:
    options.services ? ${name}.enable
    && options.services.${name}.enable.visible or true
    && config.services.${name}.enable
  );
  otherWebServers = enabled [
    "caddy"
    "haproxy"
    "httpd"
    "traefik"
  ];

  # --- one daemon for a port
  otherMailServers = enabled [
    "exim"
    "maddy"
    "opensmtpd"
    "stalwart"
    "stalwart-mail"
  ];
  otherResolvers = enabled [
    "bind"
    "coredns"
    "dnsmasq"
    "knot-resolver"
    "kresd"
  ];

  # --- settings without which the relay is none; everything else is the operator's
  main = postfix.settings.main;
  required = {
    smtpd_milters = "unix:${sockets.milter}";
    submission_milters = "unix:${sockets.milterSubmission}";
    non_smtpd_milters = "unix:${sockets.milter}";
    milter_default_action = "shutdown";
    transport_maps = "socketmap:unix:${sockets.transports}:transport";
    smtpd_sasl_type = "dovecot";
    smtpd_sasl_path = sockets.auth;
  };
  holds = value: wanted: lib.elem wanted (lib.toList value);
  overridden = attrNames (filterAttrs (name: wanted: !holds (main.${name} or null) wanted) required);
  # a list of names, or names with yes and no (beside what says that they are a section)
  given = dovecot2.settings.protocols or [ ];
  protocols =
    if lib.isAttrs given then
      attrNames (filterAttrs (_: on: lib.isBool on && on) given)
    else
      lib.concatMap (lib.splitString " ") (lib.toList given);
in
{
  config = mkIf cfg.enable {
    # systemd-networkd enables it. Programs would ask it instead of the relay's resolver, and it forwards to the servers
    # of the network without validation.
    services.resolved.enable = lib.mkOverride 900 false;

    assertions = [
      {
        assertion = !config.services.resolved.enable;
        message = ''
          services.resolved.enable is true, so systemd-resolved answers in place of the relay's validating resolver
          (services.unbound), from whatever name servers the network offers. Set it to false: /etc/resolv.conf then
          names 127.0.0.1, and unbound asks the root servers, or whom services.unbound.settings.forward-zone says.
        '';
      }
      {
        assertion = !isPublic || settings.web.port443 != "shared" || intruders == [ ];
        message = ''
          services.nginx.virtualHosts.{${concatStringsSep "," intruders}} listen on port 443 themselves, which
          services.chatmail.web.port443 = "shared" gives to IMAP, SMTP and HTTPS together. Remove `listen' and
          `listenAddresses' there (the site is then served behind the shared port), or set port443 to "web-only".
        '';
      }
      {
        assertion = !isPublic || settings.web.port443 == "off" || otherWebServers == [ ];
        message = ''
          services.${concatStringsSep ", services." otherWebServers} wants the web ports, and services.chatmail.web.port443
          is "${settings.web.port443}". Set it to "off", and let that server pass the host
          ${settings.domain} on to 127.0.0.1:${toString ports.httpsInternal}.
        '';
      }
      {
        assertion = !isPublic || otherMailServers == [ ];
        message = ''
          services.${concatStringsSep ", services." otherMailServers} and services.chatmail both answer on port 25.
          Disable one of them, or move it to another machine.
        '';
      }
      {
        assertion = otherResolvers == [ ];
        message = ''
          services.${concatStringsSep ", services." otherResolvers} and the relay's validating resolver (services.unbound)
          both answer on 127.0.0.1:53. Let it listen elsewhere by services.unbound.settings.server.port, and disable
          this check by removing the other resolver; a relay needs one that validates DNSSEC.
        '';
      }
      {
        assertion = !isPublic || overridden == [ ];
        message = concatStringsSep "\n" (
          map (name: ''
            services.postfix.settings.main.${name} is ${show (main.${name} or null)}; the relay needs ${show required.${name}}.
            Without it, mail would pass by the rules of the relay. Remove your value, or make it a list that contains both.
          '') overridden
        );
      }
      {
        assertion = lib.all (protocol: lib.elem protocol protocols) needed;
        message = ''
          services.dovecot2.settings.protocols is ${show protocols}; the relay needs ${concatMapStringsSep " and " show needed} in it.
        '';
      }
      {
        assertion = lib.versionAtLeast dovecot2.package.version "2.4";
        message = ''
          services.dovecot2.package is Dovecot ${dovecot2.package.version}; the relay needs 2.4 or newer. Set it to pkgs.dovecot.
        '';
      }
    ];
  };
}
