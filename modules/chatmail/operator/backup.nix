# { settings, programs, sandbox, ... } -> chatmail-backup.{service,timer}: `chatmail backup create` at the times that the
# operator chose. The same command works by hand.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (lib) hasPrefix optional optionalAttrs;
  inherit (settings) backup directories;
in
{
  systemd.services = optionalAttrs backup.enable {
    chatmail-backup = {
      description = "Backup of the relay";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      # an upgrade lets it finish
      restartIfChanged = false;
      # `chatmail move`: the old machine would make the newest backup, without the mail since the move
      unitConfig.ConditionPathExists = "!${directories.move}/closed";
      serviceConfig = sandbox // {
        Type = "oneshot";
        ExecStart = "${programs.chatmail} backup create";
        # reads the files of all users, and their names and numbers
        CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
        PrivateUsers = false;
        # keys of ssh may be there
        ProtectHome = "read-only";
        CacheDirectory = "chatmail-backup";
        RuntimeDirectory = "chatmail-backup";
        ReadWritePaths = [
          directories.backup
        ]
        # missing: restic says so, and the failure is counted
        ++ optional (backup.repository != null && hasPrefix "/" backup.repository) "-${backup.repository}";
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
        ];
        # mail comes first
        Nice = 10;
        IOSchedulingClass = "idle";
      };
    };
  };

  systemd.timers = optionalAttrs backup.enable {
    chatmail-backup = {
      description = "Scheduled backup of the relay";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = backup.schedule;
        Persistent = true;
        # not all relays of a storage at once
        RandomizedDelaySec = lib.mkDefault "15min";
      };
    };
  };
}
