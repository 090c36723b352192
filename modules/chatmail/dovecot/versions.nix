# { lib, settings, programs } -> { changed; warnings; }: which of pkgs/preload the relay's Dovecot runs with.
# `changed` are the two settings as they take effect, and `backgroundClose`, `cheapUsers`, `eachReply`, `endedPeers`,
# `quietFirst`, `rareRecount` and `tellDelivery`, which are no settings: with a version that nobody tested, stock
# behaviour and a warning.
{
  lib,
  settings,
  programs,
}:
let
  # Tests of a version: tests/e2e/sessions/{test_idle_notifies_at_once,test_idle_sessions_need_little_memory,
  # test_hibernating_sessions_are_notified,test_ended_sessions_keep_no_process_busy,test_quiet_sessions_come_first}.py,
  # tests/e2e/recipients/{test_one_message_reaches_many,test_a_limit_of_one_is_not_anothers}.py,
  # tests/e2e/operators/test_old_mail_expires.py and
  # tests/e2e/resilience/test_a_killed_accounts_service_loses_no_notification.py. The only list of them.
  tested = [
    "2.4.1"
    "2.4.5"
  ];
  version = programs.dovecotVersion;
  wanted = {
    inherit (settings.imap) instantIdle smallSessions;
  };
  isTested = builtins.elem version tested;
  names = builtins.filter (name: wanted.${name}) (builtins.attrNames wanted);
in
{
  changed = lib.mapAttrs (_: isWanted: isWanted && isTested) wanted // {
    backgroundClose = isTested;
    # two of its libraries replace functions of Dovecot's settings, and ran with this version only
    cheapUsers = version == "2.4.1";
    eachReply = isTested;
    endedPeers = isTested;
    quietFirst = isTested;
    # reads the structs of the quota plugin
    rareRecount = version == "2.4.1";
    tellDelivery = version == "2.4.1";
  };
  warnings = lib.optionals (!isTested) (
    map (
      name:
      "services.chatmail.imap.${name} has no effect: it was not tested with Dovecot ${version}, "
      + "only with ${lib.concatStringsSep " and " tested}. "
      + "Use a tested version in services.dovecot2.package, or set the option to false."
    ) names
  );
}
