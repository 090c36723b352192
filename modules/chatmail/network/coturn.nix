# { lib, settings, programs, bounds, quiet, ... } -> services.coturn: relays the media of calls for whoever chatmaild gave a
# credential (./turn-secret.nix).
{
  lib,
  settings,
  programs,
  bounds,
  quiet,
  ...
}:
let
  inherit (lib)
    mapAttrs
    mkAfter
    mkDefault
    mkOverride
    optionalAttrs
    ;
  inherit (settings) domain turn;
in
optionalAttrs turn.enable {
  services.coturn = {
    enable = true;
    use-auth-secret = true;
    static-auth-secret-file = turn.secretFile;
    extraConfig = ''
      userdb=:memory:
      # not into a file, where it would say who calls; what the journal keeps is in ../privacy.nix
      syslog
      no-stdout-log
      no-multicast-peers
      # Allocations of one account, which has at most two user names at once: a call takes one for each of its
      # network interfaces.
      user-quota=20
      total-quota=1200
    '';
  }
  // mapAttrs (_: mkDefault) {
    realm = domain;
    listening-port = turn.port;
    min-port = turn.minRelayPort;
    max-port = turn.maxRelayPort;
    no-cli = true;
    no-tls = true;
    no-dtls = true;
    no-tcp = true;
    no-tcp-relay = true;
  };

  systemd.services = {
    # Where it does not send to. The machine's own addresses are known when it starts; it has a new one after a restart.
    coturn.preStart = mkAfter ''
      ${programs.ip} -json address | ${programs.chatmaild} media-peers >> /run/coturn/turnserver.cfg
    '';
    # its threads allocate little
    coturn.environment.MALLOC_ARENA_MAX = mkDefault "1";
    coturn.serviceConfig =
      bounds
      // quiet
      // {
        # its configuration with the secret
        ReadWritePaths = [ "-/run/coturn" ];
        # all of its ports are above 1023, and it has a user of its own
        CapabilityBoundingSet = mkOverride 90 "";
        AmbientCapabilities = mkOverride 90 "";
        PrivateUsers = mkDefault true;
        RemoveIPC = mkDefault true;
        SystemCallFilter = mkDefault [
          "@system-service"
          "~@privileged @resources"
          # `ip' gives its capabilities away
          "capset"
        ];
        UMask = mkDefault "0077";
        # it ends when the machine has no address yet, and NixOS would leave it so until the next boot
        Restart = mkOverride 90 "always";
        RestartSec = mkDefault "5s";
        RestartSteps = mkDefault 5;
        RestartMaxDelaySec = mkDefault "60s";
        # added to those of NixOS, of which some have no way to the journal
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
          "AF_UNIX"
        ];
      };
  };
}
