# { lib, settings, programs, sandbox, ... } -> the units about accounts: logins, push, deletion.
context@{
  lib,
  settings,
  sandbox,
  programs,
  ...
}:
let
  inherit (import ./make.nix context)
    environment
    keepsListening
    service
    ;
  inherit (settings) directories sockets users;
  inherit (settings.cluster) role;
in
{
  systemd.services = {
    chatmail-accounts = service "accounts" users.mail "Chatmail addresses, metadata and push" {
      ${if role == "store" then "after" else null} = [
        "network.target"
        # a store that answers fronts takes mail
        "dovecot.service"
      ];
      # an upgrade is a restart, not a stop and a start
      stopIfChanged = false;
      serviceConfig = keepsListening // {
        ReadWritePaths = [
          directories.mail
          directories.accounts
        ]
        ++ map dirOf (
          [
            sockets.deliveries
            sockets.accountsMetrics
          ]
          ++ lib.optionals (role == "all") [
            sockets.recipients
            sockets.transportRecipients
            sockets.web
          ]
        );
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
  };
}
