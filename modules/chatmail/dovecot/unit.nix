# { lib, settings, bounds, quiet, ... } -> the unit of Dovecot: order, rights and limits.
context@{
  lib,
  settings,
  bounds,
  quiet,
  ...
}:
let
  inherit (import ./shared.nix context) clients;
  inherit (lib) mkDefault;
  inherit (settings) directories sockets;
in
{
  systemd.services.dovecot = {
    # makes the directory of the two sockets in the queue
    requires = [ "postfix-setup.service" ];
    wants = [ "chatmail-accounts.service" ];
    after = [
      "postfix-setup.service"
      "chatmail-accounts.service"
    ];
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
          (dirOf sockets.deliveries)
          # the sockets for Postfix
          directories.postfixQueue
        ];
        # where it keeps its instance names; it makes the directory, and could not below /var
        StateDirectory = mkDefault "dovecot";
        SystemCallFilter = mkDefault [ "@system-service chroot" ];
        UMask = mkDefault "0077";
        # a TLS session that Dovecot proxies has three
        LimitNOFILE = mkDefault (3 * clients);
      };
  };
}
