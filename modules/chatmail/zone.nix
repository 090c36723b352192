# { lib, settings } -> the DNS records that the operator publishes: [ { name; type; required; value | dkimSelector; } ]
# Names and targets are fully qualified. A null value is the machine's own address; the value of a record with
# dkimSelector is the public key of that selector, known only at run time. An IP-only relay has no zone.
{ lib, settings }:
let
  inherit (lib) concatMap optionals;
  inherit (settings)
    domain
    dkim
    network
    ports
    ;
  trusted = settings.tls.trusted;

  record = required: name: type: value: {
    inherit
      name
      type
      value
      required
      ;
  };
  required = record true;
  recommended = record false;
  service = name: port: recommended "_${name}._tcp.${domain}" "SRV" "0 1 ${toString port} ${domain}.";

  dkimRecord = required: selector: {
    name = "${selector}._domainkey.${domain}";
    type = "TXT";
    dkimSelector = selector;
    inherit required;
  };

  addresses =
    optionals network.ipv4 [ (required domain "A" null) ]
    ++ optionals network.ipv6 [
      ((if network.ipv4 then recommended else required) domain "AAAA" null)
    ];
  mail = [
    (required domain "MX" "10 ${domain}.")
    (dkimRecord true dkim.selector)
  ]
  ++ concatMap (selector: [ (dkimRecord false selector) ]) dkim.publishedSelectors;
  # a policy that demands a trusted certificate is for those who have one
  mtaSts = optionals trusted [
    (required "_mta-sts.${domain}" "TXT" "v=STSv1; id=${settings.mtaSts.id}")
    (required "mta-sts.${domain}" "CNAME" "${domain}.")
    (required "www.${domain}" "CNAME" "${domain}.")
  ];
in
optionals dkim.enable (
  addresses
  ++ mail
  ++ mtaSts
  ++ [
    (recommended domain "TXT" "v=spf1 a ~all")
    (recommended "_dmarc.${domain}" "TXT" "v=DMARC1;p=reject;adkim=s;aspf=s")
    (recommended "_adsp._domainkey.${domain}" "TXT" "dkim=discardable")
  ]
  ++ optionals (settings.tls.mode == "acme") [
    (recommended domain "CAA" ''0 issue "letsencrypt.org"'')
  ]
  ++ [
    (service "submission" ports.submission)
    (service "submissions" ports.submissions)
    (service "imap" ports.imap)
    (service "imaps" ports.imaps)
  ]
)
