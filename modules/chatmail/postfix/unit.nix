# { lib, settings, programs, bounds, quiet, accountsUnit, ... } -> the units of Postfix: order, rights, and how it stops.
{
  lib,
  settings,
  programs,
  bounds,
  quiet,
  accountsUnit,
  ...
}:
let
  inherit (lib) genAttrs mkDefault mkOverride;
  inherit (settings.directories) postfixQueue;
in
{
  # Why mail was not delivered yet, with its recipients: Postfix deletes such a file with the message, but not that of a
  # delivery that ended after its message was deleted. Each try writes it anew, so an old one has no message.
  systemd.tmpfiles.settings."10-chatmail-queue" = genAttrs (map (log: "${postfixQueue}/${log}") [
    "bounce"
    "defer"
    "trace"
  ]) (_: { e.age = "m:${toString settings.retention.deleteAfterDays}d"; });

  # makes directories, gives them to their users, and (NixOS) writes tables; all below /var
  systemd.services.postfix-setup.serviceConfig = bounds // {
    CapabilityBoundingSet = mkDefault [
      "CAP_CHOWN"
      "CAP_DAC_OVERRIDE"
      "CAP_FOWNER"
      "CAP_FSETID"
    ];
    # NixOS' `postfix set-permissions' walks through Postfix' set-gid programs
    RestrictSUIDSGID = mkDefault false;
    PrivateNetwork = mkDefault true;
    ProtectSystem = mkDefault "full";
    RestrictAddressFamilies = mkDefault [ "AF_UNIX" ];
    SystemCallFilter = mkDefault [ "@system-service" ];
  };

  systemd.services.postfix = {
    wants = [ "chatmail-filter.service" ];
    # Postfix runs its queue when it starts, and finishes transactions when it stops: both need these services
    after = [
      "${accountsUnit}.service"
      "chatmail-filter.service"
      "chatmail-transport.service"
      "dovecot.service"
    ];
    # nobody is there to start it again, should it have been restarted often
    unitConfig.StartLimitIntervalSec = mkOverride 90 0;
    # warnings and worse only: pkgs/preload/quiet-syslog.c
    environment.LD_PRELOAD = mkDefault "${programs.libraries}/quiet-syslog.so";
    serviceConfig =
      bounds
      // quiet
      // {
        # its master listens and starts the others as user postfix, in the queue directory
        CapabilityBoundingSet = mkOverride 90 [
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_DAC_READ_SEARCH"
          "CAP_FOWNER"
          "CAP_KILL"
          "CAP_NET_BIND_SERVICE"
          "CAP_SETGID"
          "CAP_SETUID"
          "CAP_SYS_CHROOT"
        ];
        ProtectHome = mkOverride 90 true;
        # `drain-postfix' looks for the processes that have a message in hand
        ProtectProc = mkDefault "default";
        ProtectSystem = mkOverride 90 "strict";
        ReadWritePaths = [ (dirOf postfixQueue) ];
        # it reads the IP addresses of the machine
        RestrictAddressFamilies = mkDefault [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
        ];
        SystemCallFilter = mkDefault [ "@system-service chroot" ];
        # `postfix stop` kills delivery agents before the final reply, and the message is delivered twice
        ExecStop = mkOverride 90 "${programs.chatmaild} drain-postfix";
        # how the drain ends Postfix' master
        SuccessExitStatus = "SIGKILL";
      };
  };
}
