# { lib, cfg, fact, types, domain } -> settings.cluster: who the machines are, and where each finds the others.
# A machine's address in the tunnel follows from the domain and its name, so that nobody has to choose one.
{
  lib,
  cfg,
  fact,
  types,
  domain,
}:
let
  inherit (builtins)
    hashString
    head
    mapAttrs
    match
    substring
    ;
  inherit (lib.types)
    attrsOf
    enum
    ints
    listOf
    nullOr
    str
    ;
  inherit (cfg.cluster)
    earlier
    fronts
    machine
    stores
    ;
  role =
    if machine == null then
      "all"
    else if fronts ? ${machine} then
      "front"
    else
      "store";

  # RFC 4193: fd, 40 bits for the cluster, 16 for a network, 64 for the machine. Without zeros at the front of a group
  # (RFC 5952); no group is 0.
  group =
    hash: index:
    let
      digits = head (match "0*([0-9a-f]*)" (substring (4 * index) 4 hash));
    in
    if digits == "" then "1" else digits;
  site = hashString "sha256" domain;
  address =
    name:
    let
      own = hashString "sha256" "${name}.${domain}";
    in
    lib.concatStringsSep ":" (
      [ "fd${substring 0 2 site}" ] ++ map (group site) [ 1 2 3 ] ++ map (group own) [ 0 1 2 3 ]
    );
  withAddress = mapAttrs (name: value: value // { address = address name; });

  weights = states: mapAttrs (_: store: store.weight) (lib.filterAttrs (_: store: lib.elem store.state states) stores);
  placements = lib.unique (
    [
      (weights [ "open" ])
      (weights [
        "open"
        "new"
      ])
      (weights [
        "open"
        "draining"
      ])
    ]
    ++ earlier
  );
  record =
    description: options:
    lib.types.submoduleWith {
      inherit description;
      modules = [ { options = mapAttrs (_: type: lib.mkOption { inherit type; }) options; } ];
    };
  front = {
    host = types.endpoint;
    publicKey = types.wireguardKey;
    address = types.ipAddress;
  };
in
{
  inherit (cfg.cluster) machine port;
  role = fact (enum [
    "all"
    "front"
    "store"
  ]) role;
  # this machine's own, in the tunnel
  address = fact (nullOr types.ipAddress) (if machine == null then null else address machine);
  interface = fact str "chatmail";
  fronts = fact (attrsOf (record "front" front)) (withAddress fronts);
  stores = fact (attrsOf (
    record "store" (
      front
      // {
        weight = ints.positive;
        state = enum [
          "new"
          "open"
          "draining"
        ];
      }
    )
  )) (withAddress stores);
  # the newest first: it places new addresses
  placements = fact (listOf (attrsOf ints.positive)) placements;
}
