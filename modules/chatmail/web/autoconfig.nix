# { lib, settings } -> the text of config-v1.1.xml, from which mail programs learn the servers; best first.
{ lib, settings }:
let
  inherit (lib) concatMapStringsSep optionals;
  inherit (settings) domain mailDomain ports;
  server = kind: type: port: socketType: {
    inherit
      kind
      type
      port
      socketType
      ;
  };
  incoming = server "incomingServer" "imap";
  outgoing = server "outgoingServer" "smtp";
  onHttps = optionals (settings.web.port443 == "shared");
  servers = [
    (incoming ports.imaps "SSL")
    (incoming ports.imap "STARTTLS")
  ]
  ++ onHttps [ (incoming ports.https "SSL") ]
  ++ [
    (outgoing ports.submissions "SSL")
    (outgoing ports.submission "STARTTLS")
  ]
  ++ onHttps [ (outgoing ports.https "SSL") ];
in
''
  <?xml version="1.0" encoding="UTF-8"?>
  <clientConfig version="1.1">
    <emailProvider id="${domain}">
      <domain>${mailDomain}</domain>
      <displayName>${domain}</displayName>
      <displayShortName>${domain}</displayShortName>
  ${concatMapStringsSep "\n" (s: ''
    ${"    "}<${s.kind} type="${s.type}">
          <hostname>${domain}</hostname>
          <port>${toString s.port}</port>
          <socketType>${s.socketType}</socketType>
          <authentication>password-cleartext</authentication>
          <username>%EMAILADDRESS%</username>
        </${s.kind}>'') servers}
    </emailProvider>
  </clientConfig>
''
