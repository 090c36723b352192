# { lib } -> the declarations below `services.chatmail`: every option, its type, range, default and meaning.
# The only place where an option is declared: docs/options.md and the schema of settings.json are made from it
# (`UPDATE_GOLDEN=1 pytest tests/nix`). The unit stands in the name.
# Needs no pkgs, so that the lab and the option reference evaluate it without nixpkgs.
# Over 150 lines: one place for everything an operator can set.
{ lib }:
let
  inherit (lib) mkOption types;
  inherit (import ./types.nix { inherit lib; })
    bytes
    certificateSource
    days
    directory
    domainRule
    hostName
    httpsUrl
    ipAddress
    mailAddress
    matching
    network
    port
    repository
    selector
    ;
in
{
  enable = mkOption {
    type = types.bool;
    default = false;
    example = true;
    description = "Whether this machine is a chatmail relay.";
  };

  domain = mkOption {
    type = types.nullOr types.str;
    default = null;
    example = "chat.example.org";
    description = ''
      Domain of the addresses. Clients and other relays reach this machine under the same name. Must be set.
      A name that begins with `_`, or an IPv4 address, makes a relay without a publicly trusted certificate.
    '';
  };

  package = mkOption {
    type = types.nullOr types.package;
    default = null;
    description = "The `chatmaild` package; null takes the one of this flake.";
  };

  stateDir = mkOption {
    type = directory;
    default = "/var/lib/chatmail";
    example = "/srv/chatmail";
    description = "Directory that holds all lasting state: mailboxes, DKIM keys, queued notifications.";
  };

  openFirewall = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = "Whether to open the ports of mail, web and calls in the firewall.";
  };

  ipv4.enable = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = ''
      Whether the relay is reached over IPv4.
      Without it DNS needs an AAAA record instead of an A record, and no mail is exchanged with servers that have
      IPv4 only.
    '';
  };

  ipv6.enable = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = ''
      Whether the relay is reached over IPv6. Without it nothing listens on IPv6, also where the kernel has none.
      On NixOS the default is that of {option}`networking.enableIPv6`.
    '';
  };

  privateNetworks = mkOption {
    type = types.listOf network;
    default = [ ];
    example = [ "192.168.1.0/24" ];
    description = ''
      Networks beside the public Internet to which mail and the media of calls may go.
      Senders choose where their mail goes. So the relay connects to globally routable IP addresses alone, over HTTPS
      and SMTP, whatever DNS says. Mail to any other address literal is returned to its sender at once, mail to a
      domain that leads elsewhere after {option}`services.chatmail.mail.bounceAfterDays`.
      Callers choose their peer likewise: coturn refuses any other IP address with 403, and those of this machine always
      (RFC 8656 section 9.2).
    '';
  };

  domains = {
    blocked = mkOption {
      type = types.listOf domainRule;
      default = [ ];
      example = [ "example.org" ];
      description = ''
        Domains of other servers from which no mail is accepted and to which none is sent: such mail gets 550 5.7.1.
        A rule covers all names below the domain, too. An IP address in brackets covers addresses such as
        `user@[192.0.2.1]`.
        Write a domain with other letters than ASCII in its A-labels: `xn--bcher-kva.example`.
        The domain of the relay itself is always allowed.
        `chatmail domains` adds rules without a new configuration.
      '';
    };
    allowedOnly = mkOption {
      type = types.listOf domainRule;
      default = [ ];
      example = [ "example.net" ];
      description = ''
        If not empty, mail is exchanged with these domains of other servers only; all others are blocked.
        A rule has the same form as in `blocked`. A domain that both lists cover is blocked.
      '';
    };
  };

  accounts = {
    userNameMinLength = mkOption {
      type = types.ints.between 1 9;
      default = 9;
      example = 6;
      description = ''
        Shortest local part of a new address, in characters; a shorter one cannot be registered.
        At most 9, because clients invent names of 9 characters.
      '';
    };
    userNameMaxLength = mkOption {
      type = types.ints.between 9 64;
      default = 9;
      example = 20;
      description = ''
        Longest local part of a new address, in characters; a longer one cannot be registered.
        At least 9, because clients invent names of 9 characters; at most 64 (RFC 5321 section 4.5.3.1.1).
      '';
    };
    userNameCharacters = mkOption {
      type = matching "characters of a-z 0-9 . _ -" "[a-z0-9._-]+";
      default = "abcdefghijklmnopqrstuvwxyz0123456789._-";
      example = "abcdefghijklmnopqrstuvwxyz0123456789";
      description = ''
        Characters allowed in the local part of a new address; a name with others cannot be registered.
        Must include all lower-case letters and digits, because clients invent names of these.
      '';
    };
    passwordMinLength = mkOption {
      type = types.ints.between 1 22;
      default = 9;
      example = 12;
      description = ''
        Shortest password of a new address, in characters; with a shorter one it cannot be registered.
        At most 22, because clients invent passwords of 22 characters.
      '';
    };
  };

  mail = {
    maxMessageBytes = mkOption {
      type = bytes;
      default = 31457280;
      example = 52428800;
      description = "Largest message accepted, in bytes; a larger one is refused with 552 5.3.4 (RFC 1870 section 6).";
    };
    maxRecipients = mkOption {
      type = types.ints.between 100 100000;
      default = 1000;
      example = 5000;
      description = ''
        Most recipients of one message; further ones are refused with 452 4.5.3 (RFC 5321 section 4.5.3.1.10).
        Clients read the number from IMAP METADATA and split larger groups.
        At least 100 (RFC 5321 section 4.5.3.1.8).
      '';
    };
    maxDomains = mkOption {
      type = types.ints.between 10 100000;
      default = 100;
      example = 500;
      description = ''
        Most domains of other servers among the recipients of one message; recipients in further ones are refused with 452 4.5.3.
        Larger groups with members on more servers cannot be written to.
      '';
    };
    domainsPerMinute = mkOption {
      type = types.ints.between 10 100000;
      default = 200;
      example = 1000;
      description = ''
        Domains of other servers that one address may write to within a minute; recipients in further ones are refused with 450 4.7.1.
        At least `maxDomains`: one message can always be sent.
      '';
    };
    messagesPerMinute = mkOption {
      type = types.ints.positive;
      default = 60;
      example = 120;
      description = "Messages that one address may send in a minute, lastingly; beyond it and the burst RCPT is answered with 450 4.7.1.";
    };
    messageBurst = mkOption {
      type = types.ints.positive;
      default = 10;
      example = 30;
      description = "Messages that one address may send at once, before `messagesPerMinute` applies.";
    };
    bounceAfterDays = mkOption {
      type = types.ints.between 1 7;
      default = 2;
      example = 5;
      description = ''
        Days for which delivery of a message is retried; then it is returned to its sender (RFC 5321 section 4.5.4.1).
        A domain that has not answered for a month, over HTTPS and SMTP, is tried for one hour.
      '';
    };
    fsync = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether a message is on disk before its delivery is confirmed with 250.
        Without it a power failure can lose the messages of the last seconds.
      '';
    };
    directDelivery = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether a small message that another relay sends over HTTPS to one address goes to its mailbox at once,
        without Postfix' queue.
        Disable it if you changed how Postfix handles incoming mail, for example with aliases or a filter of your own:
        then all messages go through Postfix.
      '';
    };
  };

  retention = {
    deleteAfterDays = mkOption {
      type = types.ints.between 1 20;
      default = 20;
      example = 10;
      description = "Days after which every message is deleted; a chatmail relay keeps none longer than 20.";
    };
    deleteLargeAfterDays = mkOption {
      type = days;
      default = 7;
      example = 3;
      description = "Days after which a large message is deleted; at most `deleteAfterDays`.";
    };
    largeMessageBytes = mkOption {
      type = bytes;
      default = 200000;
      example = 1000000;
      description = "Size in bytes above which a message is large: it is deleted after `deleteLargeAfterDays`.";
    };
    deleteInactiveAfterDays = mkOption {
      type = days;
      default = 90;
      example = 365;
      description = "Days without a login after which an address and all its mail are deleted; at least `deleteAfterDays`.";
    };
    quotaMegabytes = mkOption {
      type = types.ints.positive;
      default = 500;
      example = 100;
      description = ''
        Most mail that one address can hold, in MiB.
        At 75 % the oldest messages are removed until 70 % are used.
        At 100 % a delivery is refused with 552 5.2.2 (RFC 3463 section 3.3).
      '';
    };
    maxMessages = mkOption {
      type = types.ints.between 1000 10000000;
      default = 50000;
      example = 200000;
      description = ''
        Most messages that one address can hold, because each takes an inode of the disk.
        At 75 % the oldest messages are removed until 70 % are left.
        At 100 % a delivery is refused with 552 5.2.2 (RFC 3463 section 3.3).
      '';
    };
    maxFolders = mkOption {
      type = types.ints.between 10 10000;
      default = 50;
      example = 200;
      description = ''
        Most folders that one address can have, because each takes about seven inodes of the disk.
        CREATE of a further one is refused with `NO [LIMIT]` (RFC 5530).
      '';
    };
  };

  limits = {
    imapConnections = mkOption {
      type = types.ints.positive;
      default = 10000;
      example = 1000;
      description = ''
        Most IMAP sessions at once.
        One IPv4 address or one IPv6 /64 can have a fifth of them on each port; a connection beyond that is reset.
        Port 443, which IMAP, SMTP and HTTPS share, allows the sum of both limits.
      '';
    };
    smtpConnections = mkOption {
      type = types.ints.positive;
      default = 1000;
      example = 100;
      description = ''
        Most SMTP sessions at once, for each port.
        One IPv4 address or one IPv6 /64 can have a fifth of them; a connection beyond that is answered with 421
        (RFC 5321 section 3.8).
        Deliveries over HTTPS have the same two limits of their own; one beyond them is answered with 503, and the peer
        tries again.
      '';
    };
    webConnections = mkOption {
      type = types.ints.positive;
      default = 2000;
      example = 200;
      description = ''
        HTTP requests and realtime channels at once for which nginx has room.
        One IPv4 address, or one IPv6 /64, can have a fifth of them; a request beyond that is answered with 503.
        On port 443, which IMAP, SMTP and web share, it can have a fifth of the sum of all three limits (2,600
        connections by default, enough for a school behind one address); a connection beyond that is closed at once.
      '';
    };
  };

  tls = {
    mode = mkOption {
      type = types.nullOr certificateSource;
      default = null;
      example = "files";
      description = ''
        Where the certificate comes from: ordered by ACME, given as files, or self-signed.
        Null takes `self-signed` for a domain that begins with `_` or is an IPv4 address, `files` when
        {option}`services.chatmail.tls.certificateFile` is set, and `acme` otherwise.
      '';
    };
    certificateFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/fullchain.pem";
      description = ''
        PEM file with the certificate and its chain, valid for the domain, `www.` and `mta-sts.`.
        It is watched for changes and taken into use when it belongs to the key; it may be written later.
      '';
    };
    keyFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/key.pem";
      description = "PEM file with the private key of the certificate, without a passphrase; watched for changes, too.";
    };
  };

  cluster = import ./cluster/options.nix { inherit lib; };

  dkim = {
    selector = mkOption {
      type = selector;
      default = "chatmail";
      example = "opendkim";
      description = "Selector of the DKIM key that signs outgoing mail (RFC 6376 section 3.1); the first start makes the key.";
    };
    publishedSelectors = mkOption {
      type = types.listOf selector;
      default = [ ];
      example = [ "chatmail2" ];
      description = "Further selectors whose keys are made and published, but do not sign: for changing the key without losing mail.";
    };
  };

  imap = {
    discreetLogin = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether IMAP offers what any Dovecot offers until a client has logged in, so that a probe does not find relays.
        The capabilities `XCHATMAIL` and `XDELTAPUSH` are offered after the login in any case; clients look for them then.
      '';
    };
    instantIdle = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether IDLE reports a new message at once.
        Stock Dovecot waits 500 ms, and misses a message that arrives while a session begins to hibernate.
        A plugin of ours corrects both; with a version of Dovecot that it was not tested with, it is off, with a warning.
      '';
    };
    smallSessions = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether an idle session takes about 60 KB of memory instead of 130.
        A small library, loaded with LD_PRELOAD, makes the TLS buffers of Dovecot's `imap-login` processes smaller and
        makes idle processes return freed memory.
        With a version of Dovecot that it was not tested with, it is off, with a warning.
      '';
    };
  };

  push = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether the notification server is asked to wake phones when a message arrives.";
    };
    notifierUrl = mkOption {
      type = httpsUrl;
      default = "https://notifications.delta.chat/notify";
      example = "https://push.example.org/notify";
      description = "URL of the notification server: device tokens are posted there when a message arrives.";
    };
  };

  turn.enable = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = "Whether this machine relays the media of calls (coturn; UDP port 3478 and 49152 to 65535).";
  };

  iroh = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether the realtime channels of webxdc apps go through an iroh relay on this machine, where a direct connection
        between two devices is impossible.
        nginx passes `/relay`, `/ping` and `/generate_204` on port 443 to its port 3340 (loopback).
        A relay without a publicly trusted certificate has none, because clients check the certificate.
        It takes 10 MB of memory. Without a binary cache, compiling it takes ten minutes of one processor core and
        600 MB of memory.
      '';
    };
    program = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/current-system/sw/bin/iroh-relay-0.35";
      description = ''
        The program `iroh-relay`, which runs as a service; with null there is no service, and you run it yourself.
        On NixOS the default is version 0.35 of this flake, because Delta Chat 2 speaks its protocol. nixpkgs has
        version 1.0, which speaks another one.
      '';
    };
    url = mkOption {
      type = types.nullOr httpsUrl;
      default = null;
      example = "https://iroh.example.org";
      description = "URL of the iroh relay that clients use; null gives that of this machine, if it has one.";
    };
  };

  registration = {
    automatic = mkOption {
      type = types.either (types.enum [
        "allow"
        "refuse"
      ]) (types.ints.between 1 10000);
      default = "allow";
      example = 20;
      description = ''
        Addresses that apps create by themselves: `allow` or `refuse` them, or allow this number in any 60 minutes for
        the whole relay.
        Delta Chat 2.59 and later create the first address of a new profile at the fastest of several relays, and add
        further relays later; these addresses have passwords of 23 letters and digits. People who scan a code of this
        relay still get an address, and existing addresses log in as before.
        A first login beyond the limit is refused with `NO [UNAVAILABLE]` (RFC 5530); the app takes another relay.
      '';
    };
    maxLoad = mkOption {
      type = types.numbers.positive;
      default = 5;
      example = 20;
      description = ''
        Highest load average over one minute at which new addresses are made.
        Above it `/new` answers 503 (RFC 9110 section 15.6.4) and a first login is refused; other logins go on.
      '';
    };
    minFreeMemoryMegabytes = mkOption {
      type = types.ints.unsigned;
      default = 200;
      example = 50;
      description = "Available memory in MiB that new addresses need; with less, they are refused as at `maxLoad`.";
    };
    minFreeDiskMegabytes = mkOption {
      type = types.ints.unsigned;
      default = 1024;
      example = 200;
      description = "Free disk space for mailboxes in MiB that new addresses need; with less, they are refused as at `maxLoad`.";
    };
    minFreeInodes = mkOption {
      type = types.ints.unsigned;
      default = 50000;
      example = 10000;
      description = ''
        Free inodes for mailboxes that new addresses need; with less, they are refused as at `maxLoad`.
        Every message and every small file takes one. File systems without a fixed number, such as Btrfs, always have enough.
      '';
    };
    perIpBurst = mkOption {
      type = types.ints.positive;
      default = 5;
      example = 20;
      description = ''
        New addresses that one IPv4 address or one IPv6 /64 can get at once, from `/new` and by first logins together;
        two more every second.
        Beyond that `/new` answers 429 (RFC 6585 section 4), and a first login waits for up to 12 s, then fails temporarily.
      '';
    };
  };

  web = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether the web pages (home, about, privacy policy, delete my address) are served.";
    };
    port443 = mkOption {
      type = types.enum [
        "shared"
        "web-only"
        "off"
      ];
      default = "shared";
      example = "web-only";
      description = ''
        What answers on port 443: `shared` passes IMAP and SMTP to Dovecot and Postfix by ALPN (RFC 7301) and the rest
        to nginx, `web-only` leaves the port to nginx' virtual hosts, `off` does not use it.
      '';
    };
    showInvite = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether the home page offers an address to everybody.
        If it does not, the page says that people come by invitation only.
      '';
    };
    textsDir = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/etc/nixos/chatmail/texts";
      description = ''
        Folder of files like `de.toml` that replace texts of the pages, key by key.
        A key that the pages do not have fails the build.
      '';
    };
    pagesDir = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/etc/nixos/chatmail/pages";
      description = ''
        Folder of pages of your own: `imprint.html` for all languages, `imprint.de.html` for German.
        Each is a fragment of HTML that begins with its title as `<h1>`; the menu links to it.
      '';
    };
    theme = mkOption {
      type = types.attrsOf (matching "a plain CSS value" "[#a-zA-Z0-9(),.%/' \"-]+");
      default = { };
      example = {
        accent = "#0a6b4f";
        dark-accent = "#7fe3c0";
      };
      description = ''
        Colours and font of the pages, by CSS variable: `paper`, `ink`, `accent`…
        A name with `dark-` before it is for dark mode. A name that the pages do not have fails the build.
      '';
    };
    contact = {
      mail = mkOption {
        type = types.nullOr mailAddress;
        default = null;
        example = "privacy@example.org";
        description = "E-mail address for questions about privacy; shown in the policy and as IMAP METADATA `/shared/admin`.";
      };
      postal = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "Ada Lovelace, 1 Example Street, London";
        description = "Postal address of the operator, shown in the privacy policy.";
      };
      dataOfficer = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "dpo@example.org";
        description = "Data protection officer, shown in the privacy policy.";
      };
      supervisor = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "The Data Protection Authority of Example";
        description = "Supervisory authority, shown in the privacy policy.";
      };
    };
  };

  monitoring.enable = mkOption {
    type = types.bool;
    default = false;
    example = true;
    description = ''
      Whether this machine runs Prometheus and Grafana with a dashboard and alert rules for the relay.
      Both listen on 127.0.0.1 only: with `ssh -L 3000:127.0.0.1:3000 root@RELAY` Grafana is at `http://127.0.0.1:3000`.
      They take about 300 MB of memory. Sets {option}`services.chatmail.monitoring.metrics.enable`. Only on NixOS.
    '';
  };

  monitoring.metrics = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether Prometheus can read metrics of this relay at `http://ADDRESS:PORT/metrics`.
        They contain no address, no domain of another server and no IP address.
      '';
    };
    address = mkOption {
      type = ipAddress;
      default = "127.0.0.1";
      example = "10.0.0.5";
      description = ''
        IP address on which the metrics are served. One that is not loopback needs
        {option}`services.chatmail.monitoring.metrics.tokenFile`.
        The connection is not encrypted: use an IP address of a private network or VPN.
        The firewall is not opened for it.
      '';
    };
    port = mkOption {
      type = port;
      default = 8700;
      example = 9100;
      description = "TCP port of the metrics.";
    };
    tokenFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/metrics-token";
      description = ''
        File with a secret that Prometheus sends as `Authorization: Bearer SECRET` (RFC 6750 section 2.1); others get 401.
        Only root needs to be able to read it. It is read when `chatmail-metrics` starts.
      '';
    };
  };

  selftest = {
    mailDomains = mkOption {
      type = types.listOf hostName;
      default = [
        "gmail.com"
        "gmx.net"
        "icloud.com"
        "outlook.com"
        "yahoo.com"
      ];
      example = [ "example.org" ];
      description = ''
        Domains of large mail providers. `chatmail selftest` looks up their MX hosts and opens a connection to port 25
        of each; one answer proves that outgoing port 25 is open. It sends no mail.
      '';
    };
    relays = mkOption {
      type = types.listOf hostName;
      default = [
        "mehl.cloud"
        "nine.testrun.org"
        "tarpit.fun"
      ];
      example = [ "relay.example.net" ];
      description = ''
        Other chatmail relays. `chatmail selftest` opens a connection to their ports 25 and 443, and compares its clock
        with theirs. It skips this relay itself. With both lists empty it asks no other server.
      '';
    };
  };

  backup = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether `chatmail-backup.timer` makes encrypted backups of this relay with restic.
        Make the repository with `chatmail backup create --init`.
        A backup has addresses, password hashes, device tokens, invites, DKIM keys and the certificate; mail only with
        `withMail`. It is deleted after {option}`services.chatmail.retention.deleteAfterDays`.
      '';
    };
    repository = mkOption {
      type = types.nullOr repository;
      default = null;
      example = "sftp:backup@backup.example.org:/srv/chatmail";
      description = ''
        Repository of restic, as in `restic --repo`: a path on another disk, `sftp:`, `s3:` or `rest:`.
        Put keys of the storage into {option}`services.chatmail.backup.environmentFile`, not into this text.
      '';
    };
    passwordFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/backup-password";
      description = ''
        File with the password that encrypts the backups. Only root needs to be able to read it.
        Without it no backup can be restored: keep a copy outside of this machine.
      '';
    };
    environmentFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/backup-environment";
      description = ''
        File with keys of the storage, as lines `NAME=VALUE`: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` for S3,
        `RESTIC_REST_USERNAME` and `RESTIC_REST_PASSWORD` for restic's rest-server.
      '';
    };
    schedule = mkOption {
      type = types.str;
      default = "03:15";
      example = "*-*-* 00/6:00";
      description = ''
        When backups are made, as a calendar event (systemd.time(7)).
        `chatmail status` and the alerts report a backup that is older than two days.
      '';
    };
    withMail = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether backups also contain all mailboxes, Postfix' queue and waiting notifications.
        A message is then kept for up to twice {option}`services.chatmail.retention.deleteAfterDays`: once in the
        mailbox, once in the last backup that has it.
      '';
    };
  };

  autoUpgrade = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether this machine upgrades itself.
        A new system is built, activated and tested with `chatmail-selftest.service`. If a check fails that passed before,
        the previous system is activated again.
        Reports are in `/var/lib/chatmail-upgrade`. Only on NixOS.
      '';
    };
    flake = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "github:example/relay";
      description = ''
        Flake to build the newest state of: a URI, or `URI#NAME` if the configuration does not have the host's name.
      '';
    };
    dates = mkOption {
      type = types.str;
      default = "04:40";
      example = "Sun 03:00";
      description = "When the machine looks for a new system, as a calendar event (systemd.time(7)).";
    };
  };

  binaryCache = {
    url = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "https://cache.example.org";
      description = ''
        Binary cache with the built packages of this flake, so that this machine does not build them.
        It is used if `publicKey` is given, too. Only on NixOS.
      '';
    };
    publicKey = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "cache.example.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
      description = "Public key of the cache; packages without its signature are not taken.";
    };
  };

  appVersionsFile = mkOption {
    type = types.nullOr types.path;
    default = null;
    example = "/etc/chatmail/appversions.json";
    description = ''
      JSON file with the newest versions of clients, which clients read as IMAP METADATA.
      Delta Chat for Android tells people who installed an APK without a store that there is a newer one, and where.
      If a profile has several relays, the newest version counts.
      Null gives the version that was the newest when this release was made. A file with `{"clients": []}` gives
      none.
    '';
  };
}
