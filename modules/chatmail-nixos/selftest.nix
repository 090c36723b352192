# chatmail-selftest.service: the health gate. It logs in, sends a message to itself, fetches it, and looks at the
# certificates, the DKIM key, the queue and the way of a push notification. `systemctl start chatmail-selftest`.
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
      description = "Health gate of the chatmail relay";
      path = [ config.services.postfix.package ];
      # makes addresses, reads the DKIM key and the queue: root, as the operator who calls it by hand
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${lib.getExe' chatmaild "chatmail"} selftest --report /run/chatmail-selftest/report.json";
        RuntimeDirectory = "chatmail-selftest";
        # the report stays for whoever asked
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
