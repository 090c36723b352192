# chatmail-selftest.service: logs in, sends a message and fetches it, and checks the certificates, the DKIM key, the
# queue and push notifications. `systemctl start chatmail-selftest` runs it; upgrades do, too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.chatmail;
  inherit ((import ./packages.nix { inherit config pkgs; }).relay) chatmaild;
in
{
  config = lib.mkIf cfg.enable {
    systemd.services.chatmail-selftest = {
      description = "Selftest of the chatmail relay";
      path = [ config.services.postfix.package ];
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
  };
}
