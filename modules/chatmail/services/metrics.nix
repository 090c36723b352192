# { lib, settings, ... } -> the unit that gives numbers to Prometheus, and the count of addresses.
context@{
  lib,
  settings,
  ...
}:
let
  inherit (import ./make.nix context)
    job
    keepsListening
    service
    ;
  inherit (lib) optionalAttrs;
  inherit (settings) users;
  inherit (settings.monitoring) metrics;
in
{
  systemd.services = optionalAttrs metrics.enable {
    chatmail-metrics = service "metrics" users.metrics "Chatmail numbers for Prometheus" {
      stopIfChanged = false;
      serviceConfig =
        keepsListening
        // {
          # the port of the metrics, and the list of connections from the kernel (netlink)
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
            "AF_NETLINK"
          ];
        }
        // optionalAttrs (metrics.tokenFile != null) {
          # read by root, before the unit loses its rights
          LoadCredential = "token:${metrics.tokenFile}";
        };
    };

    # of several machines, a front counts no addresses, and a store has no certificate
    chatmail-count = job "Count of addresses for Prometheus" "count-addresses" {
      # reads the certificate that clients get
      RestrictAddressFamilies = [
        "AF_UNIX"
        "AF_INET"
      ];
    };
  };

  systemd.timers = optionalAttrs metrics.enable {
    chatmail-count = {
      description = "Hourly count of addresses for Prometheus";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "1min";
        OnCalendar = lib.mkDefault "hourly";
      };
    };
  };
}
