# { lib, settings, programs, sandbox, ... } -> { service; job; keepsListening; environment; }: what the units of our own
# programs share; what each may do is in ../hardening.nix.
{
  lib,
  settings,
  programs,
  sandbox,
  ...
}:
let
  inherit (settings) directories users;
  # one allocation arena: these processes are small, and wait most of the time
  environment.MALLOC_ARENA_MAX = "1";

  service =
    name: user: description: extra:
    lib.recursiveUpdate {
      inherit description environment;
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      # nobody is there to start it again
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig = sandbox // {
        Type = "notify";
        ExecStart = "${programs.chatmaild} ${name}";
        User = user;
        Group = user;
        RuntimeDirectory = "chatmail-${name}";
        RuntimeDirectoryMode = "0755";
        # at once; later, should it fail again and again (systemd never forgets how often that was)
        Restart = "always";
        RestartSec = "100ms";
        RestartSteps = 5;
        RestartMaxDelaySec = "3s";
        # a file that cannot be used stays unusable until somebody repairs it
        RestartPreventExitStatus = 78;
        LimitNOFILE = 65536;
      };
    } extra;
  # Listening sockets and their files outlive the process, see systemd.py: clients that connect during a restart wait
  # for the next process. A stop (and no restart) closes them.
  keepsListening = {
    FileDescriptorStoreMax = 16;
    RuntimeDirectoryPreserve = "restart";
  };
  # counts, and writes a file for chatmail-metrics
  job = description: command: extra: {
    inherit description environment;
    serviceConfig =
      sandbox
      // {
        Type = "oneshot";
        ExecStart = "${programs.chatmaild} ${command}";
        User = users.mail;
        Group = users.mail;
        ReadWritePaths = [ directories.numbers ];
        Nice = 10;
        IOSchedulingClass = "idle";
      }
      // extra;
  };
  # runs Postfix' postqueue each minute or more often
  asksQueue = {
    # this right also allows submitting mail, so it has a process without a port
    SupplementaryGroups = [ "postdrop" ];
    # postqueue reads the IP addresses of the machine; here there is none
    PrivateNetwork = true;
    RestrictAddressFamilies = [
      "AF_UNIX"
      "AF_INET"
      "AF_INET6"
      "AF_NETLINK"
    ];
    # no lines in the journal
    LogLevelMax = "notice";
  };
in
{
  inherit
    asksQueue
    environment
    job
    keepsListening
    service
    ;
}
