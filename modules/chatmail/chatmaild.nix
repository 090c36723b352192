# { settings, programs, sandbox, ... } -> the units of our own services; what each may do is in ./hardening.nix.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (lib) optionalAttrs;
  inherit (settings) directories sockets users;
  inherit (settings.monitoring) metrics;
  # one allocation arena: these processes are small, and wait most of the time
  environment.MALLOC_ARENA_MAX = "1";

  service =
    name: user: description: extra:
    lib.recursiveUpdate {
      inherit description environment;
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      # nobody is there to start it again
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig = sandbox // {
        Type = "notify";
        ExecStart = "${programs.chatmaild} ${name}";
        User = user;
        Group = user;
        RuntimeDirectory = "chatmail-${name}";
        RuntimeDirectoryMode = "0755";
        # at once; later, should it fail again and again (systemd never forgets how often that was)
        Restart = "always";
        RestartSec = "100ms";
        RestartSteps = 5;
        RestartMaxDelaySec = "3s";
        # a file that cannot be used stays unusable until somebody repairs it
        RestartPreventExitStatus = 78;
        LimitNOFILE = 65536;
      };
    } extra;
  # Listening sockets and their files outlive the process, see systemd.py: clients that connect during a restart wait
  # for the next process. A stop (and no restart) closes them.
  keepsListening = {
    FileDescriptorStoreMax = 16;
    RuntimeDirectoryPreserve = "restart";
  };
  # counts, and writes a file for chatmail-metrics
  job = description: command: extra: {
    inherit description environment;
    serviceConfig =
      sandbox
      // {
        Type = "oneshot";
        ExecStart = "${programs.chatmaild} ${command}";
        User = users.mail;
        Group = users.mail;
        ReadWritePaths = [ directories.numbers ];
        Nice = 10;
        IOSchedulingClass = "idle";
      }
      // extra;
  };
  # Two for each of 5000 SMTP sessions. The names of more would not fit into the environment of a process.
  keptForSessions = 10000;
in
{
  systemd.services = {
    chatmail-accounts = service "accounts" users.mail "Chatmail addresses, metadata and push" {
      # an upgrade is a restart, not a stop and a start
      stopIfChanged = false;
      serviceConfig = keepsListening // {
        ReadWritePaths = [
          directories.mail
          directories.accounts
        ]
        ++ map dirOf [
          sockets.deliveries
          sockets.recipients
          sockets.transportRecipients
          sockets.web
          sockets.accountsMetrics
        ];
        # free memory and load decide whether new addresses are made: /proc/meminfo, /proc/loadavg
        ProcSubset = "all";
        # which user connects to the port for logins: the kernel tells (netlink)
        PrivateUsers = "identity";
        # Dovecot's logins, Postfix' look-ups, and the notification server
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
        ];
      };
    };

    chatmail-filter = service "filter" users.filter "Chatmail rules for messages, DKIM" {
      stopIfChanged = false;
      wants = [ "unbound.service" ];
      after = [
        "network.target"
        "unbound.service"
      ];
      serviceConfig =
        keepsListening
        // {
          # SMTP sessions go on in the next process, see wire/loop.py
          FileDescriptorStoreMax = keptForSessions + 16;
          # whoever connects can have mail signed: Postfix alone, whose processes have no other group
          Group = users.postfix;
          # the markers of the mailboxes, see ./files.nix
          SupplementaryGroups = [ users.mail ];
          ReadWritePaths = [
            directories.dkim
            (dirOf sockets.filterMetrics)
          ];
          # keys of other domains, from the resolver
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
          ];
        }
        // lib.optionalAttrs settings.dkim.enable {
          ExecStartPre = "${programs.chatmaild} dkim-keys";
        };
    };

    chatmail-transport = service "transport" users.transport "Chatmail delivery over HTTPS" {
      # the buffers of TLS connections (256 KB each) go back to the system when a burst is over
      environment.MALLOC_MMAP_THRESHOLD_ = "131072";
      stopIfChanged = false;
      serviceConfig = keepsListening // {
        ReadWritePaths = [
          directories.transport
        ]
        ++ map dirOf [
          sockets.mxdeliv
          sockets.destinations
          sockets.transportMetrics
        ];
        # which user connects to the gateway: the kernel tells (netlink), by names that a full namespace would hide
        PrivateUsers = "identity";
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
        ];
      };
    };

    chatmail-expire = {
      description = "Deletion of old mail and unused addresses";
      inherit environment;
      serviceConfig = sandbox // {
        Type = "oneshot";
        ExecStart = "${programs.chatmaild} expire";
        User = users.mail;
        Group = users.mail;
        ReadWritePaths = [
          directories.mail
          # hashes of deleted addresses
          directories.accounts
          directories.numbers
        ];
        # a walk through everything: after the people's mail
        Nice = 10;
        IOSchedulingClass = "idle";
      };
    };
  }
  // optionalAttrs metrics.enable {
    chatmail-metrics = service "metrics" users.metrics "Chatmail numbers for Prometheus" {
      stopIfChanged = false;
      serviceConfig =
        keepsListening
        // {
          # the port of the metrics, and the list of connections from the kernel (netlink)
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
            "AF_NETLINK"
          ];
        }
        // optionalAttrs (metrics.tokenFile != null) {
          # read by root, before the unit loses its rights
          LoadCredential = "token:${metrics.tokenFile}";
        };
    };

    chatmail-count = job "Count of addresses for Prometheus" "count-addresses" {
      # reads the certificate that clients get
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET"
      ];
    };

    chatmail-count-queue =
      job "Count of queued messages for Prometheus" "count-queue ${programs.postqueue}"
        {
          # this right also allows submitting mail, so it has a process without a port
          SupplementaryGroups = [ "postdrop" ];
          # postqueue reads the IP addresses of the machine; here there is none
          PrivateNetwork = true;
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
            "AF_NETLINK"
          ];
          # no lines in the journal each minute
          LogLevelMax = "notice";
        };
  };

  systemd.timers = {
    chatmail-expire = {
      description = "Daily deletion of old mail and unused addresses";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = lib.mkDefault "00:02";
        Persistent = true;
      };
    };
  }
  // optionalAttrs metrics.enable {
    chatmail-count = {
      description = "Hourly count of addresses for Prometheus";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "1min";
        OnCalendar = lib.mkDefault "hourly";
      };
    };
    chatmail-count-queue = {
      description = "Count of queued messages for Prometheus each minute";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "5s";
        # after the end: a long queue takes seconds
        OnUnitInactiveSec = "1min";
        AccuracySec = "1s";
      };
    };
  };
}
