# { lib, cfg, settings, check, isInStore, named } -> [ { assertion; message; } ]: what must hold for one domain on several machines.
{
  lib,
  cfg,
  settings,
  check,
  isInStore,
  named,
}:
let
  inherit (builtins)
    attrNames
    attrValues
    elem
    filter
    length
    ;
  inherit (cfg) cluster;
  inherit (cluster) fronts machine stores;
  machines = attrNames fronts ++ attrNames stores;
  both = filter (name: stores ? ${name}) (attrNames fronts);
  keys = map (machine: machine.publicKey) (attrValues fronts ++ attrValues stores);
  open = filter (name: stores.${name}.state == "open") (attrNames stores);
  unknown = filter (name: !(stores ? ${name})) (lib.concatMap attrNames cluster.earlier);
  isCluster = machine != null;
in
[
  (check "cluster.machine" machine (isCluster || machines == [ ])
    "machines are listed, and none of them is this one."
    "Set it to the name of this machine."
  )
  (check "cluster.machine" machine (!isCluster || elem machine machines)
    "neither cluster.fronts nor cluster.stores has it."
    "Add it there, or write one of: ${lib.concatStringsSep ", " machines}."
  )
  (check "cluster.stores" both (both == [ ])
    "these machines are fronts and stores at the same time."
    "Give every machine one name, in one of the two."
  )
  (check "cluster.stores" (attrNames stores) (
    !isCluster || open != [ ]
  ) "no store is \"open\", so no new address has a place." "Set the state of one to \"open\".")
  (check "cluster.fronts" (attrNames fronts) (
    !isCluster || fronts != { }
  ) "nobody could reach the stores." "Add a front.")
  (check "cluster.stores" keys (length (lib.unique keys) == length keys)
    "two machines have the same public key."
    "Make a key for each: wg genkey."
  )
  (check "cluster.earlier" unknown (unknown == [ ])
    "these stores are not in cluster.stores, so nobody finds the addresses that they have."
    "Keep them there, with state \"draining\", until chatmail rebalance has moved their addresses."
  )
  (check "cluster.privateKeyFile" null (!isCluster || cluster.privateKeyFile != null)
    "the machines of a cluster talk through WireGuard, and this one has no key."
    "Set it to a file with the output of wg genkey, such as \"/var/lib/secrets/wireguard.key\"."
  )
  (check "cluster.secretFile" null (!isCluster || cluster.secretFile != null || !cfg.turn.enable)
    "stores give credentials for calls that fronts check with a common secret."
    "Set it to a file with the same text on all machines, such as the output of openssl rand -hex 32."
  )
  (check "cluster.privateKeyFile" (named cluster.privateKeyFile) (!isInStore cluster.privateKeyFile)
    "everybody on the machine can read the Nix store."
    "Write the path as a string, of a file that is outside of it."
  )
  (check "cluster.secretFile" (named cluster.secretFile) (!isInStore cluster.secretFile)
    "everybody on the machine can read the Nix store."
    "Write the path as a string, of a file that is outside of it."
  )
  (check "domain" settings.domain (!isCluster || settings.dkim.enable)
    "a relay without a domain name is one machine."
    "Take a domain name, or remove cluster.machine."
  )
  (check "ipv6.enable" cfg.ipv6.enable (!isCluster || cfg.ipv6.enable)
    "the machines of a cluster use IPv6 inside of their tunnel."
    "Set it to true; no public IPv6 address is needed."
  )
]
