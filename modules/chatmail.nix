# The NixOS module: the description in ./chatmail, plus what only a whole NixOS machine has
# (packages, certificates by ACME, firewall, kernel settings).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf mkMerge;
  cfg = config.services.chatmail;

  packages = import ./chatmail-nixos/packages.nix { inherit config pkgs; };
  inherit (packages.relay) chatmaild chatmail-preload;

  description = import ./chatmail/description.nix {
    inherit lib cfg;
    programs = {
      chatmail = lib.getExe' chatmaild "chatmail";
      chatmaild = lib.getExe' chatmaild "chatmaild";
      doveadm = lib.getExe' config.services.dovecot2.package "doveadm";
      dovecotVersion = lib.getVersion config.services.dovecot2.package;
      ip = lib.getExe' pkgs.iproute2 "ip";
      libraries = "${chatmail-preload}/lib";
      nft = lib.getExe' pkgs.nftables "nft";
      openssl = lib.getExe pkgs.openssl;
      postqueue = lib.getExe' config.services.postfix.package "postqueue";
      shell = pkgs.runtimeShell;
      systemctl = lib.getExe' config.systemd.package "systemctl";
      www = if cfg.web.enable then packages.here.chatmail-www.site description.pages else null;
    };
  };
  inherit (description) settings;

  # What the description may define. Named here because NixOS must know which options a module sets before it knows
  # the values of services.chatmail.
  described =
    let
      # a machine that only imports this module has no domain
      parts = lib.optionals cfg.enable description.config;
      pick =
        path: names: lib.genAttrs names (name: mkMerge (map (part: part.${path}.${name} or { }) parts));
    in
    lib.mapAttrs pick {
      environment = [ "etc" ];
      networking = [ "wg-quick" ];
      services = [
        "coturn"
        "dovecot2"
        "nginx"
        "postfix"
        "unbound"
      ];
      systemd = [
        "paths"
        "services"
        "timers"
        "tmpfiles"
      ];
      users = [
        "groups"
        "users"
      ];
    };
  isCluster = settings.cluster.role != "all";
  isPublic = settings.cluster.role != "store";
  hasTurn = settings.turn.enable && isPublic;
  daemons = [
    "postfix.service"
    "dovecot.service"
    "nginx.service"
  ];
in
{
  imports = [ ./chatmail-nixos ];

  options.services.chatmail = import ./chatmail/options.nix { inherit lib; };

  config = mkIf cfg.enable (mkMerge ([
    described
    {
      inherit (description) assertions warnings;
      services.chatmail.ipv6.enable = mkDefault config.networking.enableIPv6;
      # a reduced package set has no Rust
      services.chatmail.iroh.program = mkIf (packages.relay ? iroh-relay) (
        mkDefault (lib.getExe packages.relay.iroh-relay)
      );
      environment.systemPackages = [
        chatmaild
        # for `chatmail move`, on both machines
        pkgs.rsync
        # Dovecot's plugins are looked for in /run/current-system/sw/lib/dovecot/modules
        chatmail-preload
      ];
      # Dovecot 2.4, whatever release the machine was installed with
      services.dovecot2.package = mkDefault pkgs.dovecot;
      services.dovecot2.createMailUser = mkDefault false;

      networking.firewall = mkIf cfg.openFirewall {
        allowedTCPPorts = lib.optionals isPublic (
          [
            settings.ports.smtp
            settings.ports.submission
            settings.ports.submissions
            settings.ports.imap
            settings.ports.imaps
          ]
          ++ lib.optionals (settings.web.port443 != "off") [
            settings.ports.http
            settings.ports.https
          ]
        );
        # within the tunnel, ./chatmail/network/connections.nix says who may connect
        trustedInterfaces = lib.optional isCluster settings.cluster.interface;
        allowedUDPPorts =
          lib.optional hasTurn settings.turn.port ++ lib.optional isCluster settings.cluster.port;
        allowedUDPPortRanges = lib.optional hasTurn {
          from = settings.turn.minRelayPort;
          to = settings.turn.maxRelayPort;
        };
      };

      # One watch for every mailbox that somebody waits for (inotify(7)). Two values of one priority are an error, even
      # equal ones; those of NixOS' desktops (1000) and Incus (1050) are as large or larger, and win.
      boot.kernel.sysctl = lib.mapAttrs (_: lib.mkOverride 1100) (
        {
          "fs.inotify.max_user_instances" = 65535;
          "fs.inotify.max_user_watches" = 524288;
          # All clients may return at once: sessions that wait for an imap process wait in its socket (listen(2)). Beyond
          # this number imap-login stands still for 0.5 s, with all of its sessions, and then refuses the client.
          "net.core.somaxconn" = lib.max 4096 settings.limits.imapConnections;
        }
        # Each session has a connection to a store, and the kernel 28,000 ports for those to one of them. With these it has
        # 49,000; programs listen below. It counts for IPv6, too.
        // lib.optionalAttrs (settings.cluster.role == "front") {
          "net.ipv4.ip_local_port_range" = "16384 65535";
        }
        # it listens at its address in the tunnel, whether the tunnel is there yet or not
        // lib.optionalAttrs (settings.cluster.role == "store") {
          "net.ipv6.ip_nonlocal_bind" = 1;
          # A front that lost power closes no session. Its people come back through another one, and their old sessions
          # stay for 100 s after Dovecot's next sign of life, instead of 15 minutes.
          "net.ipv4.tcp_retries2" = 8;
        }
      );

      # these read their settings when they start
      systemd.services =
        lib.genAttrs description.services (_: {
          restartTriggers = [ config.environment.etc."chatmail/settings.json".source ];
        })
        // {
          chatmail-connections.restartTriggers = [
            config.environment.etc."chatmail/connections.nft".source
          ];
        }
        // lib.optionalAttrs settings.iroh.runs {
          iroh-relay.restartTriggers = [ config.environment.etc."chatmail/iroh-relay.toml".source ];
        };

      # the settings file is checked by its reader before a machine boots with it
      system.checks = [
        (pkgs.buildPackages.runCommand "chatmail-settings-check" { } ''
          ${lib.getExe' packages.here.chatmaild "chatmaild"} check-settings ${pkgs.writeText "settings.json" (builtins.toJSON settings)}
          touch $out
        '')
      ];
    }

    (mkIf settings.backup.enable {
      # for `chatmail backup` by hand
      environment.systemPackages = [ pkgs.restic ];
      systemd.services.chatmail-backup.path = [
        pkgs.openssh
        pkgs.restic
      ];
    })

    (mkIf (settings.tls.mode == "acme" && isPublic) {
      security.acme.certs.${settings.domain} = {
        extraDomainNames = map (prefix: "${prefix}.${settings.domain}") [
          "www"
          "mta-sts"
        ];
        group = mkDefault settings.users.tlsGroup;
        keyType = mkDefault "ec256";
        reloadServices = daemons;
      };
      services.nginx.virtualHosts =
        lib.genAttrs
          [
            settings.domain
            "www.${settings.domain}"
            "mta-sts.${settings.domain}"
          ]
          (_: {
            useACMEHost = mkDefault settings.domain;
          });
      # a self-signed one is there before the first order
      systemd.services = lib.genAttrs [ "postfix" "dovecot" ] (_: {
        wants = [ "acme-${settings.domain}.service" ];
        after = [ "acme-${settings.domain}.service" ];
      });
    })
  ]));
}
