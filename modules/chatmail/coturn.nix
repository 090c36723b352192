# { lib, settings, programs, sandbox, ... } -> services.coturn: relays the media of calls for whoever chatmaild gave a
# credential, whose secret is made at the first start.
{
  lib,
  settings,
  programs,
  sandbox,
  bounds,
  quiet,
  ...
}:
let
  inherit (lib)
    concatMapStringsSep
    escapeShellArg
    mapAttrs
    mkDefault
    mkOverride
    optionalAttrs
    ;
  inherit (settings) domain turn users;
  directory = dirOf turn.secretFile;
  secret = escapeShellArg turn.secretFile;
  make = "${programs.openssl} rand -hex 32 > ${secret}.new && mv ${secret}.new ${secret}";
  # what only this machine and its neighbours can reach (RFC 6890)
  private = [
    "0.0.0.0-0.255.255.255"
    "10.0.0.0-10.255.255.255"
    "100.64.0.0-100.127.255.255"
    "127.0.0.0-127.255.255.255"
    "169.254.0.0-169.254.255.255"
    "172.16.0.0-172.31.255.255"
    "192.0.0.0-192.0.0.255"
    "192.168.0.0-192.168.255.255"
    "198.18.0.0-198.19.255.255"
    "224.0.0.0-255.255.255.255"
    # not from `::': coturn takes that for no lower end, and every IPv4 address to be below an IPv6 one
    "::1"
    "::ffff:0:0-::ffff:ffff:ffff"
    "64:ff9b::-64:ff9b::ffff:ffff"
    "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
  ];
in
optionalAttrs turn.enable {
  services.coturn = {
    enable = true;
    use-auth-secret = true;
    static-auth-secret-file = turn.secretFile;
    extraConfig = ''
      userdb=:memory:
      # not into a file, where it would say who calls; what the journal keeps is in ./privacy.nix
      syslog
      no-stdout-log
      no-multicast-peers
      # a user's name is the end of the credential: everybody who was given one in the same second has the same
      user-quota=60
      total-quota=1200
      ${concatMapStringsSep "\n" (range: "denied-peer-ip=${range}") private}
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

  # the group of the directory becomes that of the secret
  systemd.tmpfiles.settings."10-chatmail".${directory}.d = {
    user = users.mail;
    group = users.turn;
    mode = "2750";
  };

  systemd.services = {
    chatmail-turn-secret = {
      description = "Secret for credentials of the media relay";
      before = [
        "coturn.service"
        "chatmail-accounts.service"
      ];
      requiredBy = [ "coturn.service" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = sandbox // {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${programs.shell} -c 'test -s ${secret} || { ${make}; }'";
        User = users.mail;
        ReadWritePaths = [ directory ];
        UMask = "0337";
      };
    };
    coturn.serviceConfig = bounds // quiet // {
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
