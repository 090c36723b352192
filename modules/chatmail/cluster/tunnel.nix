# { lib, settings, given, ... } -> networking.wg-quick: the tunnel between the machines of a cluster. Fronts talk to
# stores, stores to each other while addresses move; a machine answers those alone whose keys it has.
{
  lib,
  settings,
  given,
  ...
}:
let
  inherit (settings) cluster;
  # fronts talk to each other, too: realtime channels of all of them are on the first one
  others = removeAttrs (cluster.stores // cluster.fronts) [ cluster.machine ];
  listeners =
    if cluster.role == "store" then
      [
        "chatmail-accounts"
        "chatmail-rebalance"
        "dovecot"
      ]
    else
      lib.optional settings.iroh.runs "iroh-relay";
  unit = "wg-quick-${cluster.interface}.service";
in
lib.optionalAttrs (cluster.role != "all") {
  networking.wg-quick.interfaces.${cluster.interface} = {
    address = [ "${cluster.address}/128" ];
    listenPort = cluster.port;
    privateKeyFile = given.cluster.privateKeyFile;
    peers = map (machine: {
      inherit (machine) publicKey;
      allowedIPs = [ "${machine.address}/128" ];
      endpoint =
        if lib.hasInfix ":" machine.host then
          "[${machine.host}]:${toString cluster.port}"
        else
          "${machine.host}:${toString cluster.port}";
    }) (lib.attrValues others);
    # A machine behind a firewall that forgets connections stays in reach. Not above: wg-quick gives the interface its key
    # last, a first packet without it would fail, and the next attempt is 5 s later.
    postUp = lib.concatMapStringsSep "\n" (
      machine: "wg set ${cluster.interface} peer ${machine.publicKey} persistent-keepalive 25"
    ) (lib.attrValues others);
  };

  systemd.services =
    # they listen on this machine's address in the tunnel
    lib.genAttrs listeners (_: {
      wants = [ unit ];
      after = [ unit ];
    })
    // {
      # it looks up the names of the others once; they may not be in DNS yet
      ${lib.removeSuffix ".service" unit} = {
        after = [ "nss-lookup.target" ];
        unitConfig.StartLimitIntervalSec = lib.mkDefault 0;
        serviceConfig = {
          Restart = lib.mkDefault "on-failure";
          RestartSec = lib.mkDefault "5s";
        };
      };
    };
}
