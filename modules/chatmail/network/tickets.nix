# { lib, settings, sandbox, ... } -> keys of TLS session tickets, in a file in memory that pkgs/preload/session-tickets.c
# maps: one byte, modulo 3 the current key, then three keys of 80 random bytes. The timer changes the oldest one in place.
{
  lib,
  settings,
  sandbox,
  ...
}:
let
  keys = "keys";
in
lib.optionalAttrs settings.tls.sessionTickets {
  systemd.services.chatmail-tickets = {
    description = "Keys of TLS session tickets";
    before = [
      "dovecot.service"
      "postfix.service"
    ];
    # without keys both start all the same
    wantedBy = [
      "dovecot.service"
      "postfix.service"
    ];
    script = ''
      if ! test -s ${keys}; then
        head -c 241 /dev/urandom > ${keys}.new
        mv ${keys}.new ${keys}
      # not at each restart of the daemons
      elif test -n "$(find ${keys} -mmin +1380)"; then
        next=$((($(od -An -tu1 -N1 ${keys}) + 1) % 3))
        head -c 80 /dev/urandom | dd of=${keys} bs=1 seek=$((1 + 80 * next)) conv=notrunc status=none
        printf "\\$next" | dd of=${keys} bs=1 conv=notrunc status=none
      fi
    '';
    serviceConfig = sandbox // {
      Type = "oneshot";
      # only root can enter a directory of such a user (/run/private)
      DynamicUser = true;
      RuntimeDirectory = "chatmail-tickets";
      RuntimeDirectoryMode = "0700";
      # a client resumes its session after a restart
      RuntimeDirectoryPreserve = true;
      WorkingDirectory = "/run/chatmail-tickets";
      PrivateNetwork = true;
    };
  };

  systemd.timers.chatmail-tickets = {
    description = "Daily change of the keys of TLS session tickets";
    wantedBy = [ "timers.target" ];
    timerConfig.OnCalendar = "04:30";
  };
}
