# { lib, settings, programs, sandbox, ... } -> reload Dovecot and Postfix when the wall clock goes back, as after NTP.
# Otherwise Dovecot starts no process for 3 minutes: no login, no delivery. The timers of Postfix' queue manager hold
# the time of day: after a jump of one hour it tries no deferred mail for one hour. A reload repairs both. Queue files
# that were deferred while the clock was ahead also hold the time of their next try: postqueue -f tries them.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (settings) users;
  # on a store there is no Postfix
  hasQueue = settings.cluster.role != "store";
  daemons = [ "dovecot.service" ] ++ lib.optional hasQueue "postfix.service";
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
    # stores the time of the boot
    wantedBy = [ "multi-user.target" ];
    after = daemons;
    # no limit: each jump starts the unit
    unitConfig.StartLimitIntervalSec = 0;
    serviceConfig = sandbox // {
      Type = "oneshot";
      # only this user may connect to the sockets that flush the queue
      User = if hasQueue then users.postfix else users.mail;
      RuntimeDirectory = directory;
      RuntimeDirectoryPreserve = true;
      WorkingDirectory = "/run/${directory}";
      # jumps forwards need no repair, and a reload can end a delivery before its reply
      ExecCondition = "${programs.shell} /etc/${wentBack}";
      # -: a stopped unit is no failure; +: only root may reload units
      ExecStart = [
        "-+${programs.systemctl} try-reload-or-restart ${toString daemons}"
      ]
      ++ lib.optional hasQueue "-${programs.postqueue} -f";
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
