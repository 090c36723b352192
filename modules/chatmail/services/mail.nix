# { lib, settings, programs, ... } -> the units that mail passes: the filter, delivery over HTTPS, numbers of the queue.
context@{
  lib,
  settings,
  programs,
  ...
}:
let
  inherit (import ./make.nix context)
    asksQueue
    job
    keepsListening
    service
    ;
  inherit (lib) optionalAttrs;
  inherit (settings) directories sockets users;
  counts = optionalAttrs settings.monitoring.metrics.enable;
  # Two for each of 5000 SMTP sessions. The names of more would not fit into the environment of a process.
  keptForSessions = 10000;
in
{
  systemd.services = {
    chatmail-filter = service "filter" users.filter "Chatmail rules for messages, DKIM" {
      stopIfChanged = false;
      wants = [ "unbound.service" ];
      after = [
        "network.target"
        "unbound.service"
      ];
      serviceConfig =
        keepsListening
        // {
          # SMTP sessions go on in the next process, see wire/loop.py
          FileDescriptorStoreMax = keptForSessions + 16;
          # whoever connects can have mail signed: Postfix alone, whose processes have no other group
          Group = users.postfix;
          # the markers of the mailboxes, see ../files.nix
          SupplementaryGroups = [ users.mail ];
          ReadWritePaths = [
            directories.dkim
            (dirOf sockets.milterDirect)
            (dirOf sockets.filterMetrics)
          ];
          # keys of other domains, from the resolver
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
          ];
        }
        // optionalAttrs settings.dkim.enable {
          ExecStartPre = "${programs.chatmaild} dkim-keys";
        };
    };

    chatmail-transport = service "transport" users.transport "Chatmail delivery over HTTPS" {
      # the buffers of TLS connections (256 KB each) go back to the system when a burst is over
      environment.MALLOC_MMAP_THRESHOLD_ = "131072";
      stopIfChanged = false;
      # it stops first: a delivery that both have begun ends, so that the peer does not repeat it
      after = [
        "network.target"
        "chatmail-filter.service"
        "dovecot.service"
      ];
      serviceConfig = keepsListening // {
        ReadWritePaths = [
          directories.transport
        ]
        ++ map dirOf [
          sockets.mxdeliv
          sockets.destinations
          sockets.transportMetrics
        ];
        # which user connects to the gateway: the kernel tells (netlink), by names that a full namespace would hide
        PrivateUsers = "identity";
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
        ];
      };
    };
  }
  // counts {
    chatmail-count-queue =
      job "Count of queued messages for Prometheus" "count-queue ${programs.postqueue}"
        asksQueue;
  };

  systemd.timers = counts {
    chatmail-count-queue = {
      description = "Count of queued messages for Prometheus each minute";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "5s";
        # after the end: a long queue takes seconds
        OnUnitInactiveSec = "1min";
        AccuracySec = "1s";
      };
    };
  };
}
