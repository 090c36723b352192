# { lib, settings, programs, sandbox, accountsUnit, ... } -> what `chatmail move` needs of the units: a machine that is closed starts
# none of those that use mailboxes, queue and keys; an old machine passes connections of mail clients on to the new one.
# nginx goes on: it answers 503, and has the other sites of the machine.
{
  lib,
  settings,
  programs,
  sandbox,
  accountsUnit,
  ...
}:
let
  inherit (lib) genAttrs;
  inherit (settings) directories users;
  inherit (settings.cluster) role;
  closed = "${directories.move}/closed";
  forward = "${directories.move}/forward";
in
{
  # read by chatmail-forward
  systemd.tmpfiles.settings."10-chatmail".${directories.move}.d = {
    user = "root";
    group = "root";
    mode = "0755";
  };

  systemd.services =
    genAttrs
      (
        [ accountsUnit ]
        ++ lib.optionals (role != "front") [
          "chatmail-expire"
          "chatmail-storage"
        ]
        ++ lib.optionals (role != "store") [
          "chatmail-filter"
          "chatmail-transport"
          "postfix"
        ]
        ++ [ "dovecot" ]
      )
      (_: {
        unitConfig.ConditionPathExists = "!${closed}";
      })
    // {
      chatmail-forward = {
        description = "Connections of mail clients to the machine that this relay moved to";
        wantedBy = [ "multi-user.target" ];
        after = [ "network.target" ];
        environment.MALLOC_ARENA_MAX = "1";
        unitConfig = {
          ConditionPathExists = [
            closed
            forward
          ];
          StartLimitIntervalSec = 0;
        };
        serviceConfig = sandbox // {
          Type = "notify";
          ExecStart = "${programs.chatmaild} forward ${forward}";
          User = users.transport;
          Group = users.transport;
          Restart = "always";
          RestartSec = "1s";
          RestartPreventExitStatus = 78;
          LimitNOFILE = 65536;
          # Dovecot's ports 143 and 993
          AmbientCapabilities = "CAP_NET_BIND_SERVICE";
          CapabilityBoundingSet = "CAP_NET_BIND_SERVICE";
          # a capability of another user namespace opens no port below 1024
          PrivateUsers = false;
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
          ];
        };
      };
    };
}
