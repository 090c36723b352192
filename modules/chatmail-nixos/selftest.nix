# chatmail-selftest.{service,timer}: runs the selftest once an hour, and stores its report for `chatmail status` and the
# metrics. `systemctl start chatmail-selftest` runs it at once; upgrades run it, too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.chatmail;
  settings = import ../chatmail/settings.nix { inherit lib cfg; };
  inherit ((import ./packages.nix { inherit config pkgs; }).relay) chatmaild;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.chatmail-selftest = {
      description = "Selftest of the chatmail relay";
      path = lib.optional (settings.cluster.role != "store") config.services.postfix.package;
      # `chatmail move`: not on a machine without mail
      unitConfig.ConditionPathExists = "!${settings.directories.move}/closed";
      # root, as for the operator's `chatmail selftest`: it creates addresses, reads the DKIM key and the queue
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${lib.getExe' chatmaild "chatmail"} selftest --report /run/chatmail-selftest/report.json";
        RuntimeDirectory = "chatmail-selftest";
        # chatmail-upgrade reads the report afterwards
        RuntimeDirectoryPreserve = true;
        TimeoutStartSec = "3min";
        NoNewPrivileges = true;
        PrivateDevices = true;
        ProtectHome = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectSystem = true;
      };
    };

    systemd.timers.chatmail-selftest = {
      description = "Hourly selftest of the chatmail relay";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = lib.mkDefault "hourly";
        # not all relays at once
        RandomizedDelaySec = lib.mkDefault "30min";
      };
    };
  };
}
