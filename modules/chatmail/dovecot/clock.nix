# { settings, programs, sandbox, ... } -> what happens when the wall clock goes back, as at an answer of a time server.
# Dovecot's master starts no process for 3 minutes then: no login, no delivery. The timers of Postfix' queue manager hold
# the time of day: after a jump of an hour it does not look for deferred mail for an hour. A reload ends both. Queue files
# that were deferred while the clock was ahead hold the time of their next delivery, too.
{
  settings,
  programs,
  sandbox,
  ...
}:
let
  directory = "chatmail-clock";
  wentBack = "chatmail/clock-went-back.sh";
in
{
  environment.etc.${wentBack}.text = builtins.readFile ./clock-went-back.sh;

  systemd.timers.chatmail-clock = {
    description = "Changes of the clock";
    wantedBy = [ "timers.target" ];
    timerConfig.OnClockChange = true;
  };

  systemd.services.chatmail-clock = {
    description = "Dovecot and Postfix after the clock went back";
    # notes the time of the boot
    wantedBy = [ "multi-user.target" ];
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
      RuntimeDirectory = directory;
      RuntimeDirectoryPreserve = true;
      WorkingDirectory = "/run/${directory}";
      # not after jumps forwards, which need no repair: a reload can end a delivery before its reply
      ExecCondition = "${programs.shell} /etc/${wentBack}";
      # each may be stopped, which is no failure; only root may ask systemd for a reload
      ExecStart = [
        "-+${programs.systemctl} try-reload-or-restart dovecot.service postfix.service"
        "-${programs.postqueue} -f"
      ];
      # /proc/uptime
      ProcSubset = "all";
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
