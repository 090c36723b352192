# { lib, settings, bounds, quiet, accountsUnit, ... } -> the unit of Dovecot: order, rights and limits.
context@{
  lib,
  settings,
  bounds,
  quiet,
  accountsUnit,
  ...
}:
let
  inherit (import ./shared.nix context) clients;
  inherit (lib) mkDefault optional;
  inherit (settings) directories sockets;
  hasMailboxes = settings.cluster.role != "front";
  hasQueue = settings.cluster.role != "store";
  # the service of addresses starts first; on a store it tells fronts that mail is taken, so it starts last
  accounts = optional hasQueue "${accountsUnit}.service";
in
{
  systemd.services.dovecot = {
    # makes the directory of the sockets in the queue
    requires = optional hasQueue "postfix-setup.service";
    wants = accounts;
    after = accounts ++ optional hasQueue "postfix-setup.service";
    # nobody is there to start it again, should it have been restarted often
    unitConfig.StartLimitIntervalSec = lib.mkOverride 90 0;
    serviceConfig =
      bounds
      // quiet
      // {
        # its master listens and starts the others as their users; logins are in an empty root directory
        CapabilityBoundingSet = mkDefault [
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_FOWNER"
          "CAP_KILL"
          "CAP_NET_BIND_SERVICE"
          "CAP_SETGID"
          "CAP_SETUID"
          "CAP_SYS_CHROOT"
          "CAP_SYS_RESOURCE"
        ];
        # NixOS leaves room for set-uid programs of Sieve
        NoNewPrivileges = lib.mkOverride 90 true;
        RestrictSUIDSGID = lib.mkOverride 90 true;
        ProtectSystem = lib.mkOverride 90 "strict";
        ReadWritePaths = [
          directories.mail
        ]
        ++ optional hasMailboxes (dirOf sockets.deliveries)
        # the sockets for Postfix
        ++ optional hasQueue directories.postfixQueue;
        # where it keeps its instance names; it makes the directory, and could not below /var
        StateDirectory = mkDefault "dovecot";
        SystemCallFilter = mkDefault [ "@system-service chroot" ];
        UMask = mkDefault "0077";
        # a TLS session that Dovecot proxies has three
        LimitNOFILE = mkDefault (3 * clients);
      };
  };
}
