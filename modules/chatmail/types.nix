# { lib } -> types that ./options.nix and ./settings.nix share, by name. A text's `description` completes "must be …".
{ lib }:
let
  inherit (lib.types) enum ints strMatching;
  matching = description: pattern: strMatching pattern // { inherit description; };
  name = "[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?";
  # RFC 5321 section 4.1.3
  literal = "\\[[0-9]{1,3}([.][0-9]{1,3}){3}]";
  literalIpv6 = "\\[IPv6:[0-9a-f:.]+]";
  label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
  ruleForDomains = "${label}([.]${label})*|${literal}|${literalIpv6}";
in
{
  inherit matching;

  days = ints.positive;
  bytes = ints.positive;
  # port 0 means "any" (socket(7)), which no client can connect to
  port = ints.between 1 65535;
  percent = ints.between 1 100;

  hostName = matching "a host name in lower case" name;
  mailDomain = matching "a host name in lower case or an IPv4 address in brackets" "${name}|${literal}";
  domainRule = matching "a domain in lower case and ASCII, or an IP address in brackets" ruleForDomains;
  mailAddress = matching "an e-mail address" "[^@ \t\r\n]+@[^@ \t\r\n]+";
  ipAddress = matching "an IPv4 or IPv6 address" "[0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:]*";
  network = matching "a network such as 192.168.1.0/24 or fd12:3456::/32" "([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9a-f:]*:[0-9a-f:]*)/[0-9]{1,3}";
  httpsUrl = matching "an https:// URL" "https://[^ ]+";
  # RFC 6376 section 3.1
  selector = matching "a DKIM selector" "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
  # RFC 8461 section 3.1
  policyId = matching "letters and digits" "[0-9a-zA-Z]{1,32}";
  repository = matching "a path, or a location of restic that begins with sftp:, s3: or rest:" "(/|sftp:|s3:|rest:)[^ ]+";
  directory = matching "an absolute path that does not end in a slash" "/[^ ]*[^ /]";

  machineName = matching "a name of lower-case letters, digits and hyphens" "[a-z]([a-z0-9-]{0,30}[a-z0-9])?";
  endpoint = matching "a host name in lower case or an IP address" "${name}|[0-9a-f:]*:[0-9a-f:]*";
  wireguardKey = matching "a WireGuard key: 44 characters of base64" "[A-Za-z0-9+/]{43}=";

  certificateSource = enum [
    "acme"
    "files"
    "self-signed"
  ];
}
