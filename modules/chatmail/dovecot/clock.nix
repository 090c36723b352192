# { settings, programs, sandbox, ... } -> what happens when the wall clock jumps, as at the first answer of a time server.
# Dovecot's master starts no process for 3 minutes after a jump backwards: no login, no delivery. The timers of Postfix'
# queue manager hold the time of day: after a jump of an hour backwards it does not look for deferred mail for an hour.
# A reload ends both, and open sessions go on. Queue files that were deferred while the clock was ahead hold the time
# of their next delivery, too.
{
  settings,
  programs,
  sandbox,
  ...
}:
{
  systemd.timers.chatmail-clock = {
    description = "Changes of the clock";
    wantedBy = [ "timers.target" ];
    timerConfig.OnClockChange = true;
  };

  systemd.services.chatmail-clock = {
    description = "Dovecot and Postfix after a change of the clock";
    after = [
      "dovecot.service"
      "postfix.service"
    ];
    # each jump is a start
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // {
      Type = "oneshot";
      # who may flush the queue: its sockets are those of this user
      User = settings.users.postfix;
      # each may be stopped, which is no failure; only root may ask systemd for a reload
      ExecStart = [
        "-+${programs.systemctl} try-reload-or-restart dovecot.service postfix.service"
        "-${programs.postqueue} -f"
      ];
      PrivateNetwork = true;
      # Postfix' programs read the IP addresses of the machine at their start
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET"
        "AF_INET6"
        "AF_NETLINK"
      ];
    };
  };
}
