# { lib, nameServers } -> the differences between a relay of the lab and one on the Internet:
# its resolver forwards to the lab's name server and does not validate DNSSEC, because .test is not signed.
{ lib, nameServers }:
let
  inherit (lib) mkForce;
in
{
  services.unbound.settings = {
    server = {
      # unbound answers these zones as empty by default (RFC 6303, RFC 6761); the lab serves them
      local-zone = map (zone: "\"${zone}\" nodefault") [
        "test."
        "2.0.192.in-addr.arpa."
        "8.b.d.0.1.0.0.2.ip6.arpa."
      ];
      module-config = mkForce "\"iterator\"";
      auto-trust-anchor-file = mkForce null;
    };
    forward-zone = mkForce [
      {
        name = ".";
        forward-addr = nameServers;
      }
    ];
  };
}
