# { settings, programs, sandbox, ... } -> the unit that converts mailboxes of older versions from maildir to sdbox, or back
# (chatmail storage). ../../../../pkgs/chatmaild/src/chatmaild/conversion
context@{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (import ../shared.nix context) dovecot_config_version dovecot_storage_version;
  inherit (settings) directories users;
  configuration = "chatmail/storage.conf";
in
{
  # chooses the driver of each account: ../../../../pkgs/preload/plugins/mailbox-format.c
  services.dovecot2.settings.mail_plugins.mailbox_format = true;

  # For Dovecot's tool alone: a copy is no delivery, so it counts for no quota, notifies nobody, and has no METADATA.
  environment.etc.${configuration}.text = ''
    dovecot_config_version = ${dovecot_config_version}
    dovecot_storage_version = ${dovecot_storage_version}
    base_dir = ${directories.dovecotBase}
    default_internal_user = ${users.dovecot}
    default_internal_group = ${users.dovecot}
    first_valid_uid = 1
    mail_uid = ${users.mail}
    mail_gid = ${users.mail}
    mail_path = ${directories.mail}/%{user}
    dotlock_use_excl = no
    namespace inbox {
      inbox = yes
      separator = /
    }
  '';

  systemd.services.chatmail-storage = {
    description = "Conversion of mailboxes to the chosen format";
    wantedBy = [ "multi-user.target" ];
    wants = [ "dovecot.service" ];
    after = [ "dovecot.service" ];
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // {
      # not oneshot: an upgrade does not wait for its end, which can take hours
      Type = "exec";
      ExecStart = "${programs.chatmaild} convert-storage ${programs.doveadm} /etc/${configuration}";
      # an account that was being converted stays in use if it is killed
      Restart = "on-failure";
      RestartSec = "500ms";
      RestartSteps = 8;
      RestartMaxDelaySec = "15s";
      User = users.mail;
      Group = users.mail;
      # doveadm becomes the user that it is, and gives files the group that they have
      SystemCallFilter = sandbox.SystemCallFilter ++ [
        "@setuid"
        "@chown"
      ];
      ReadWritePaths = [
        directories.mail
        # the choice
        directories.accounts
        directories.numbers
      ];
      # no low priority: Dovecot's tool has locks of mailboxes in use, and clients would wait for it
    };
  };

  # accounts in the old format from a backup or another machine
  systemd.timers.chatmail-storage = {
    description = "Daily conversion of mailboxes that came in another format";
    wantedBy = [ "timers.target" ];
    timerConfig.OnCalendar = lib.mkDefault "03:40";
  };
}
