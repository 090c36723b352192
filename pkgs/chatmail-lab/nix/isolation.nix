# { lib, nameServers } -> what a relay of the lab does differently from one on the Internet:
# its resolver asks the lab's name server and believes it, as a domain under .test cannot be signed.
{ lib, nameServers }:
let
  inherit (lib) mkForce;
in
{
  services.unbound.settings = {
    server = {
      # answered as empty by unbound itself (RFC 6303, RFC 6761), and alive in the lab
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
