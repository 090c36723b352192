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
  # two people of a channel must come to the same one
  irohFront = if cluster.fronts == { } then null else lib.head (lib.attrNames cluster.fronts);
  irohRuns = hasIroh && cfg.iroh.program != null && (cluster.role == "all" || cluster.machine == irohFront);
  cluster = import ./cluster/settings.nix {
    inherit
      lib
      cfg
      fact
      types
      domain
      ;
  };
  isFront = cluster.role == "front";
  # each front has keys of its own, also the next ones
  selectorHere = selector: if isFront then "${selector}-${cluster.machine}" else selector;
  isStore = cluster.role == "store";
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

  inherit cluster;

  inherit (cfg) domains;
  accounts = cfg.accounts // {
    # an address that nobody can have: Postfix asks about it to learn whether the service of accounts answers
    nobody = fact str "vrfy~";
  };
  mail = cfg.mail // {
    # the filter and Dovecot's LMTP are on one machine
    directDelivery = fact bool (cfg.mail.directDelivery && cluster.role == "all");
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
    selector = fact types.selector (selectorHere cfg.dkim.selector);
    publishedSelectors = fact (listOf types.selector) (map selectorHere cfg.dkim.publishedSelectors);
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
    host = fact str (
      if cluster.role == "all" then "127.0.0.1" else "[${cluster.fronts.${irohFront}.address}]"
    );
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
    # read and written by the accounts service alone: push queue, invite tokens, registration switch; on a front by the
    # directory: which stores it knows
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
    # of processes whose client has not logged in
    dovecotLogin = "dovenull";
    nginx = "nginx";
    turn = "turnserver";
    # may read the private key of the certificate
    tlsGroup = "chatmail-tls";
  };

  # what `chatmail status` shows; ./description.nix adds ours
  units = fact (listOf str) (
    lib.optional (!isStore) "postfix"
    ++ [ "dovecot" ]
    ++ lib.optional (!isStore) "nginx"
    ++ [ "unbound" ]
    ++ lib.optional (cfg.turn.enable && !isStore) "coturn"
    ++ lib.optional irohRuns "iroh-relay"
    ++ [ "chatmail-connections" ]
    ++ lib.optional (cluster.role != "all") "wg-quick-${cluster.interface}"
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
      # chatmaild directory; chatmaild filter asks about addresses
      directory = "${between "accounts" "filter"}/directory.sock";
      # a file, no socket: chatmaild directory writes it when a store is back, and Postfix runs its queue
      storeReturned = "/run/chatmail-directory/store-returned";
      # chatmaild filter
      milter = "${runtime.filter}/milter.sock";
      milterSubmission = "${runtime.filter}/submission.sock";
      milterDirect = "${between "filter" "transport"}/milter.sock";
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
      # Dovecot of a store; chatmaild rebalance asks which accounts have a session
      listSessions = "${dovecotBase}/list-sessions";
      # Dovecot; chatmaild deletes messages
      doveadm = "${dovecotBase}/doveadm-messages";
      # Dovecot; chatmaild filter asks whether a message fits into a mailbox
      quotaStatus = "${dovecotBase}/quota-status";
      # Dovecot; chatmaild transport delivers messages that came over HTTPS
      lmtpDirect = "${dovecotBase}/lmtp-direct";
    }
    # Dovecot, inside Postfix' queue directory
    // facts str {
      auth = "private/auth";
      lmtp = "private/dovecot-lmtp";
    };

  ports = facts types.port (import ./ports.nix);
}
