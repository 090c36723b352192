# { lib, settings, bounds, ... } -> services.unbound: the validating resolver, on which DKIM verification stands.
{
  lib,
  settings,
  bounds,
  ...
}:
let
  inherit (lib) mapAttrs mkDefault mkOverride;
  inherit (settings) network;
in
{
  systemd.services.unbound = {
    # nobody is there to start it again, should it have been restarted often
    unitConfig.StartLimitIntervalSec = mkOverride 90 0;
    serviceConfig = bounds // {
      RemoveIPC = mkDefault true;
      # the addresses of the machine
      RestrictAddressFamilies = mkDefault [
        "AF_UNIX"
        "AF_INET"
        "AF_INET6"
        "AF_NETLINK"
      ];
      SystemCallFilter = mkDefault [ "@system-service" ];
      UMask = mkDefault "0077";
    };
  };

  services.unbound = {
    enable = true;
    settings.server = mapAttrs (_: mkDefault) {
      # a key or an MX that was just published counts at once
      cache-max-negative-ttl = 0;
      prefetch = true;
      # far below what a relay's mail asks for
      num-threads = 1;
      # Queries under way: a relay has some for each message from or to a domain that is not cached. The default of 4096
      # ports takes 3 MB.
      outgoing-range = 1024;
      num-queries-per-thread = 512;
      msg-cache-size = "4m";
      rrset-cache-size = "8m";
      # what cannot be reached is not tried; it listens on 127.0.0.1 in any case
      do-ip6 = network.ipv6;
      prefer-ip6 = !network.ipv4;
      # names that people write to are nobody's business
      verbosity = 0;
      log-queries = false;
      log-servfail = false;
      hide-identity = true;
      hide-version = true;
    };
  };
}
