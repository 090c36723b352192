# { lib, cfg } -> plain data: every port, socket, directory, user and limit of a relay, named once.
# The Nix renderers beside this file read it; chatmaild reads it as /etc/chatmail/settings.json.
# Options of a section are handed on as they are; `fact TYPE VALUE` is a value that no option has. Its type is for
# ./schema.nix, which calls this file with types instead of values.
{
  lib,
  cfg,
  fact ? (_: value: value),
}:
let
  inherit (lib.types)
    bool
    ints
    listOf
    nullOr
    path
    str
    ;
  types = import ./types.nix { inherit lib; };
  facts = type: lib.mapAttrs (_: fact type);
  inherit (lib) concatStringsSep splitString;
  inherit (cfg) stateDir;
  # a relay without one is refused; until that is said, it has a name that nobody has (RFC 2606)
  domain = if cfg.domain == null then "domain.invalid" else cfg.domain;
  reverse = builtins.foldl' (reversed: x: [ x ] ++ reversed) [ ];
  atLeastOne = n: if n < 1 then 1 else n;
  ipv4 = builtins.match "[0-9]{1,3}([.][0-9]{1,3}){3}" domain != null;
  untrusted = ipv4 || lib.hasPrefix "_" domain;
  runtime = {
    accounts = "/run/chatmail-accounts";
    filter = "/run/chatmail-filter";
  };
  # a directory of sockets for each pair of service and client, see ./files.nix
  between = service: client: "/run/chatmail/${service}-${client}";
  dovecotBase = "/run/dovecot2";
  tlsMode =
    if cfg.tls.mode != null then
      cfg.tls.mode
    else if untrusted then
      "self-signed"
    else if cfg.tls.certificateFile != null then
      "files"
    else
      "acme";
  tlsDirectory = if tlsMode == "acme" then "/var/lib/acme/${domain}" else "${stateDir}/tls";
  # clients check its certificate
  hasIroh = cfg.iroh.enable && tlsMode != "self-signed";
  irohRuns = hasIroh && cfg.iroh.program != null;
  policy = concatStringsSep "\r\n" [
    "version: STSv1"
    "mode: enforce"
    "mx: ${domain}"
    "max_age: 2419200"
    ""
  ];
in
{
  domain = fact types.hostName domain;
  # what stands behind the @ of an address (RFC 5321 section 4.1.3 for literals)
  mailDomain = fact types.mailDomain (if ipv4 then "[${domain}]" else domain);
  # the name in greetings and trace headers; an IP-only relay takes its reverse pointer's
  hostName = fact types.hostName (
    if ipv4 then "${concatStringsSep "." (reverse (splitString "." domain))}.in-addr.arpa" else domain
  );

  # by which the relay is reached; everything uses 127.0.0.1 among itself
  network = {
    ipv4 = cfg.ipv4.enable;
    ipv6 = cfg.ipv6.enable;
    inherit (cfg) privateNetworks;
  };

  inherit (cfg) accounts domains;
  mail = cfg.mail // {
    # what HTTPS delivery may add to a message in one request
    overheadBytes = fact types.bytes 1048576;
  };
  retention = cfg.retention // {
    quotaWarnPercent = fact types.percent 75;
    quotaCleanPercent = fact types.percent 70;
    quotaKeepHours = fact ints.unsigned 24;
  };
  limits = cfg.limits // {
    # RFC 5321 names no number; with a fifth, one busy network leaves room for four more
    imapConnectionsPerIp = fact ints.positive (atLeastOne (cfg.limits.imapConnections / 5));
    smtpConnectionsPerIp = fact ints.positive (atLeastOne (cfg.limits.smtpConnections / 5));
    webConnectionsPerIp = fact ints.positive (atLeastOne (cfg.limits.webConnections / 5));
    port443ConnectionsPerIp = fact ints.positive (
      atLeastOne (
        (cfg.limits.imapConnections + cfg.limits.smtpConnections + cfg.limits.webConnections) / 5
      )
    );
  };
  registration = cfg.registration // {
    perIpRefillPerSecond = fact ints.positive 2;
    # while this file exists, no new address is made; logins go on
    stopFile = fact path "/etc/chatmail-nocreate";
  };
  imap = cfg.imap // {
    hibernateAfterSeconds = fact ints.unsigned 1;
  };
  push = cfg.push // {
    tokenValidDays = fact types.days 90;
    giveUpAfterSeconds = fact ints.positive 18000;
  };
  contact = cfg.web.contact;
  web = {
    inherit (cfg.web) enable port443;
  };
  inherit (cfg)
    appVersionsFile
    backup
    monitoring
    selftest
    ;

  tls = {
    mode = fact types.certificateSource tlsMode;
    # clients of this relay and its peers can check the certificate
    trusted = fact bool (tlsMode != "self-signed");
    certificateFile = fact path "${tlsDirectory}/fullchain.pem";
    keyFile = fact path "${tlsDirectory}/key.pem";
  };

  # RFC 8461
  mtaSts = {
    policy = fact str policy;
    # changes with the policy, and only then
    id = fact types.policyId (builtins.substring 0 20 (builtins.hashString "sha256" policy));
  };

  dkim = {
    # a domain literal has no place for a key in DNS
    enable = fact bool (!ipv4);
    inherit (cfg.dkim) selector publishedSelectors;
  };

  turn = {
    inherit (cfg.turn) enable;
    port = fact types.port 3478;
    minRelayPort = fact types.port 49152;
    maxRelayPort = fact types.port 65535;
    secretFile = fact path "${stateDir}/turn/secret";
    credentialDays = fact types.days 5;
  };
  iroh = {
    enable = fact bool hasIroh;
    # as a unit of ours
    runs = fact bool irohRuns;
    url = fact (nullOr types.httpsUrl) (
      if cfg.iroh.url != null then
        cfg.iroh.url
      else if hasIroh then
        "https://${domain}"
      else
        null
    );
    port = fact types.port 3340;
  };

  directories = facts path {
    state = stateDir;
    mail = "${stateDir}/mail";
    dkim = "${stateDir}/dkim";
    # read and written by the accounts service alone: push queue, invite tokens, registration switch
    accounts = "${stateDir}/accounts";
    # decisions of the operator at run time: root writes, the services read
    operator = "${stateDir}/operator";
    # counts for the collector of metrics, which everybody may read
    numbers = "${stateDir}/numbers";
    # the result of the last backup, which everybody may read
    backup = "${stateDir}/backup";
    # which domains have not answered for a month, as hashes
    transport = "${stateDir}/transport";
    tls = tlsDirectory;
    # that this machine is closed, because its relay moves or moved: operator/move/state.py
    move = "${stateDir}/move";
    postfixQueue = "/var/lib/postfix/queue";
    inherit dovecotBase;
  };

  users = facts str {
    mail = "vmail";
    filter = "chatmail-filter";
    transport = "chatmail-transport";
    metrics = "chatmail-metrics";
    postfix = "postfix";
    dovecot = "dovecot2";
    nginx = "nginx";
    turn = "turnserver";
    # may read the private key of the certificate
    tlsGroup = "chatmail-tls";
  };

  # what `chatmail status` shows; ./description.nix adds ours
  units = fact (listOf str) (
    [
      "postfix"
      "dovecot"
      "nginx"
      "unbound"
    ]
    ++ lib.optional cfg.turn.enable "coturn"
    ++ lib.optional irohRuns "iroh-relay"
    ++ [ "chatmail-connections" ]
  );

  sockets =
    facts path {
      # chatmaild accounts; Dovecot's IMAP processes, of the same user, connect to the last
      recipients = "${between "accounts" "postfix"}/recipients.sock";
      transports = "${between "accounts" "postfix"}/transports.sock";
      transportRecipients = "${between "accounts" "transport"}/recipients.sock";
      web = "${between "accounts" "nginx"}/web.sock";
      metadata = "${runtime.accounts}/metadata.sock";
      # a file, no socket: Dovecot appends deliveries, chatmaild accounts reads them
      deliveries = "${between "accounts" "dovecot"}/deliveries.json";
      # chatmaild filter
      milter = "${runtime.filter}/milter.sock";
      milterSubmission = "${runtime.filter}/submission.sock";
      # chatmaild transport
      mxdeliv = "${between "transport" "nginx"}/mxdeliv.sock";
      destinations = "${between "transport" "postfix"}/destinations.sock";
      # the numbers of each service, for the collector
      accountsMetrics = "${between "accounts" "metrics"}/metrics.sock";
      filterMetrics = "${between "filter" "metrics"}/metrics.sock";
      transportMetrics = "${between "transport" "metrics"}/metrics.sock";
      # nginx, in its own directory: its port 443 tells its web server here who the client is
      https = "/run/nginx/https.sock";
      # Dovecot; chatmaild accounts connects, with an address to log out everywhere
      endSessions = "${dovecotBase}/end-sessions";
      # Dovecot; chatmaild deletes messages
      doveadm = "${dovecotBase}/doveadm-messages";
      # Dovecot; chatmaild filter asks whether a message fits into a mailbox
      quotaStatus = "${dovecotBase}/quota-status";
    }
    # Dovecot, inside Postfix' queue directory
    // facts str {
      auth = "private/auth";
      lmtp = "private/dovecot-lmtp";
    };

  ports = facts types.port {
    smtp = 25;
    submission = 587;
    submissions = 465;
    imap = 143;
    imaps = 993;
    http = 80;
    https = 443;
    # loopback only
    login = 8701;
    httpsInternal = 8443;
    imapsInternal = 8993;
    imapsFromHttps = 8994;
    submissionsInternal = 8465;
    submissionInternal = 8587;
    mxdelivSmtp = 10026;
    transportSmtp = 10083;
  };
}
