# { lib, services, networking } -> what NixOS' own modules add for the daemons and tunnels that a relay enables: units,
# users, defaults. Programs are Debian's. `services` and `networking` are the merged configuration, read for `enable`,
# coturn's secret and the names of tunnels.
{
  lib,
  services,
  networking,
}:
let
  inherit (lib) mkDefault mkIf mkMerge;
  enabled = name: services.${name}.enable or false;
  system = group: {
    isSystemUser = true;
    inherit group;
  };
  # the sandbox that NixOS gives to all of these daemons
  sandbox = {
    PrivateDevices = true;
    PrivateTmp = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    RestrictRealtime = true;
  };
  wanted = {
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" ];
  };
in
mkMerge [
  (mkIf (enabled "postfix") {
    services.postfix.settings.main = lib.mapAttrs (_: mkDefault) {
      compatibility_level = "3.10";
      mail_owner = "postfix";
      setgid_group = "postdrop";
      data_directory = "/var/lib/postfix/data";
      queue_directory = "/var/lib/postfix/queue";
    };
    systemd.services.postfix-setup = {
      description = "Setup for Postfix mail server";
      before = [ "postfix.service" ];
      script = ''
        # Debian gives it to Postfix, and then tmpfiles touches nothing of root's below it
        install -d -o root -g root -m 755 /var/lib/postfix
        mkdir -p /var/lib/postfix/queue
        install -d -o postfix -g root -m 700 /var/lib/postfix/data /var/lib/postfix/queue/private
        install -d -o postfix -g postdrop -m 710 /var/lib/postfix/queue/public
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
    };
    systemd.services.postfix = {
      description = "Postfix mail server";
      wantedBy = [ "multi-user.target" ];
      requires = [ "postfix-setup.service" ];
      after = [
        "network.target"
        "postfix-setup.service"
      ];
      serviceConfig = sandbox // {
        Type = "forking";
        Restart = "always";
        PIDFile = "/var/lib/postfix/queue/pid/master.pid";
        ExecStart = "/usr/sbin/postfix start";
        ExecStop = "/usr/sbin/postfix stop";
        ExecReload = "/usr/sbin/postfix reload";
        # postdrop is set-gid, and local delivery writes to home directories
        ProtectHome = false;
        ProtectSystem = "full";
      };
    };
  })

  (mkIf (enabled "dovecot2") {
    services.dovecot2.settings = lib.mapAttrs (_: mkDefault) {
      base_dir = "/run/dovecot2";
      default_internal_user = "dovecot2";
      default_internal_group = "dovecot2";
      default_login_user = "dovenull";
    };
    systemd.services.dovecot = wanted // {
      description = "Dovecot IMAP/POP3 server";
      serviceConfig = {
        Type = "notify";
        ExecStart = "/usr/sbin/dovecot -F";
        ExecReload = "/usr/bin/doveadm reload";
        Restart = "on-failure";
        RestartSec = "1s";
        RuntimeDirectory = "dovecot2";
        StateDirectory = "dovecot";
        PrivateTmp = true;
        ProtectSystem = "full";
      };
    };
    users.users.dovecot2 = system "dovecot2";
    users.groups.dovecot2 = { };
  })

  (mkIf (enabled "nginx") {
    systemd.services.nginx = wanted // {
      description = "Nginx Web Server";
      preStart = "nginx -c /etc/nginx/nginx.conf -t";
      startLimitIntervalSec = 60;
      serviceConfig = sandbox // {
        ExecStart = "/usr/sbin/nginx -c /etc/nginx/nginx.conf";
        ExecReload = [
          "/usr/sbin/nginx -c /etc/nginx/nginx.conf -t"
          "/usr/bin/kill -HUP $MAINPID"
        ];
        Restart = "always";
        RestartSec = "10s";
        User = "nginx";
        Group = "nginx";
        RuntimeDirectory = "nginx";
        RuntimeDirectoryMode = "0750";
        CacheDirectory = "nginx";
        CacheDirectoryMode = "0750";
        LogsDirectory = "nginx";
        LogsDirectoryMode = "0750";
        ProcSubset = "pid";
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        NoNewPrivileges = true;
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
        CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" ];
        UMask = "0027";
      };
    };
    users.users.nginx = system "nginx";
    users.groups.nginx = { };
  })

  (mkIf (enabled "unbound") {
    services.unbound.settings = {
      server = lib.mapAttrs (_: mkDefault) {
        directory = "\"/var/lib/unbound\"";
        username = "\"\"";
        chroot = "\"\"";
        pidfile = "\"\"";
        interface = [
          "127.0.0.1"
          "::1"
        ];
        access-control = [
          "127.0.0.0/8 allow"
          "::1/128 allow"
        ];
      };
      remote-control.control-enable = mkDefault false;
    };
    systemd.services.unbound = {
      description = "Unbound recursive Domain Name Server";
      wantedBy = [ "multi-user.target" ];
      before = [ "nss-lookup.target" ];
      wants = [ "nss-lookup.target" ];
      after = [ "network.target" ];
      serviceConfig = sandbox // {
        Type = "notify";
        NotifyAccess = "main";
        ExecStart = "/usr/sbin/unbound -p -d -c /etc/unbound/unbound.conf";
        ExecReload = "/usr/bin/kill -HUP $MAINPID";
        User = "unbound";
        Group = "unbound";
        StateDirectory = "unbound";
        RuntimeDirectory = "unbound";
        ProtectSystem = "strict";
        NoNewPrivileges = true;
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
        CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" ];
        Restart = "on-failure";
      };
    };
  })

  (mkIf (enabled "coturn") {
    systemd.services.coturn = {
      description = "coturn TURN server";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      preStart = ''
        install -m 0640 /etc/turnserver.conf /run/coturn/turnserver.cfg
      ''
      + lib.optionalString ((services.coturn.static-auth-secret-file or null) != null) ''
        echo "static-auth-secret=$(cat ${lib.escapeShellArg services.coturn.static-auth-secret-file})" >> /run/coturn/turnserver.cfg
      '';
      serviceConfig = sandbox // {
        Type = "simple";
        ExecStart = "/usr/bin/turnserver -c /run/coturn/turnserver.cfg";
        User = "turnserver";
        Group = "turnserver";
        RuntimeDirectory = "coturn";
        RuntimeDirectoryMode = "0700";
        Restart = "on-abort";
        NoNewPrivileges = true;
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
        CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" ];
      };
    };
  })

  {
    systemd.services = lib.mapAttrs' (
      name: _:
      lib.nameValuePair "wg-quick-${name}" {
        description = "wg-quick WireGuard Tunnel - ${name}";
        wantedBy = [ "multi-user.target" ];
        requires = [ "network-online.target" ];
        after = [
          "network.target"
          "network-online.target"
        ];
        environment.DEVICE = name;
        script = "wg-quick up ${name}";
        preStop = "wg-quick down ${name}";
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          PrivateTmp = true;
        };
      }
    ) (networking.wg-quick.interfaces or { });
  }
]
