# { lib } -> the declarations below `services.chatmail`: every option, its type, default and meaning.
# Needs no pkgs, so that the lab and the option reference evaluate it without nixpkgs.
# Over 150 lines: one place for everything an operator can set.
{ lib }:
let
  inherit (lib) mkOption types;
  days = types.ints.positive;
  bytes = types.ints.positive;
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
      Domain of the addresses, and the name under which clients and other relays reach this machine; needed.
      A name that begins with `_`, or an IPv4 address, makes a relay without a publicly trusted certificate.
    '';
  };

  package = mkOption {
    type = types.nullOr types.package;
    default = null;
    description = "The `chatmaild` package; null takes the one of this flake.";
  };

  stateDir = mkOption {
    type = types.strMatching "/[^ ]*[^ /]";
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
      Whether the relay is reached over IPv4. Without it an AAAA record is required in DNS instead of an A record;
      relays and mail servers that have IPv4 alone then neither reach this one nor are reached by it.
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

  accounts = {
    userNameMinLength = mkOption {
      type = types.ints.between 1 64;
      default = 9;
      example = 6;
      description = ''
        Shortest local part of a new address, in characters.
        Clients invent names of 9 characters, so the range must contain 9.
      '';
    };
    userNameMaxLength = mkOption {
      type = types.ints.between 1 64;
      default = 9;
      example = 20;
      description = "Longest local part of a new address, in characters.";
    };
    userNameCharacters = mkOption {
      type = types.strMatching "[a-z0-9._-]+";
      default = "abcdefghijklmnopqrstuvwxyz0123456789._-";
      example = "abcdefghijklmnopqrstuvwxyz0123456789";
      description = ''
        Characters allowed in the local part of a new address.
        Clients invent names of lower-case letters and digits, so all of these must be among them.
      '';
    };
    passwordMinLength = mkOption {
      type = types.ints.between 1 128;
      default = 9;
      example = 12;
      description = ''
        Shortest password of a new address, in characters.
        Clients invent passwords of 22 characters, so it cannot be more.
      '';
    };
  };

  mail = {
    maxMessageBytes = mkOption {
      type = bytes;
      default = 31457280;
      example = 52428800;
      description = "Largest message accepted, in bytes; a larger one is refused with 552 (RFC 1870 section 6).";
    };
    maxRecipients = mkOption {
      type = types.ints.between 100 100000;
      default = 1000;
      example = 5000;
      description = "Most recipients of one message; clients read it from IMAP METADATA and split larger groups.";
    };
    messagesPerMinute = mkOption {
      type = types.ints.positive;
      default = 60;
      example = 120;
      description = "Lasting rate at which one address may send; beyond it and the burst the answer is 450.";
    };
    messageBurst = mkOption {
      type = types.ints.positive;
      default = 10;
      example = 30;
      description = "Messages that one address may send at once before the rate applies.";
    };
    bounceAfterDays = mkOption {
      type = types.ints.between 1 7;
      default = 2;
      example = 5;
      description = "Days after which a message that cannot be delivered is returned to its sender.";
    };
    fsync = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether a message is on disk before its delivery is confirmed.
        Without it a power failure can lose the messages of the last seconds.
      '';
    };
  };

  retention = {
    deleteAfterDays = mkOption {
      type = days;
      default = 20;
      example = 10;
      description = "Days after which every message is deleted; at most 20.";
    };
    deleteLargeAfterDays = mkOption {
      type = days;
      default = 7;
      example = 3;
      description = "Days after which a large message is deleted.";
    };
    largeMessageBytes = mkOption {
      type = bytes;
      default = 200000;
      example = 1000000;
      description = "Size above which a message counts as large, in bytes.";
    };
    deleteInactiveAfterDays = mkOption {
      type = days;
      default = 90;
      example = 365;
      description = "Days without a login after which an address and all its mail are deleted.";
    };
    quotaMegabytes = mkOption {
      type = types.ints.positive;
      default = 500;
      example = 100;
      description = ''
        Most mail that one address can hold, in MiB.
        At 75 % the oldest messages are removed until 70 % are used; at 100 % a delivery is refused with 552 5.2.2.
      '';
    };
  };

  limits = {
    imapConnections = mkOption {
      type = types.ints.positive;
      default = 10000;
      example = 1000;
      description = "Most IMAP connections at once; one IP address gets a fifth.";
    };
    smtpConnections = mkOption {
      type = types.ints.positive;
      default = 1000;
      example = 100;
      description = "Most SMTP connections at once, per port; one IP address gets a fifth.";
    };
  };

  tls = {
    mode = mkOption {
      type = types.nullOr (
        types.enum [
          "acme"
          "files"
          "self-signed"
        ]
      );
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
        It is watched for changes; it may come later, and is taken into use when it belongs to the key.
      '';
    };
    keyFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/secrets/key.pem";
      description = "PEM file with the private key of the certificate, without a passphrase; watched as well.";
    };
  };

  dkim = {
    selector = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
      default = "chatmail";
      example = "opendkim";
      description = "Selector of the DKIM key that signs (RFC 6376 section 3.1); the key is made at the first start.";
    };
    publishedSelectors = mkOption {
      type = types.listOf (types.strMatching "[a-z0-9]([a-z0-9-]*[a-z0-9])?");
      default = [ ];
      example = [ "chatmail2" ];
      description = "Further selectors whose keys are made and published but do not sign: the next or the previous one of a rotation.";
    };
  };

  imap = {
    instantIdle = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether IDLE tells about a new message at once.
        Stock Dovecot waits 500 ms, and overlooks a message that comes while a session begins to hibernate; a plugin of ours
        mends both.
        With a version of Dovecot that it was not tested with, it is off, and a warning says so.
      '';
    };
    smallSessions = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether a session that waits takes about 90 KB of memory instead of 130.
        An LD_PRELOAD interposer makes the TLS buffers of Dovecot's `imap-login` processes smaller, and returns freed memory
        of idle processes.
        With a version of Dovecot that it was not tested with, it is off, and a warning says so.
      '';
    };
  };

  push = {
    enable = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = "Whether phones are woken through the notification server.";
    };
    notifierUrl = mkOption {
      type = types.strMatching "https://[^ ]+";
      default = "https://notifications.delta.chat/notify";
      example = "https://push.example.org/notify";
      description = "Where device tokens are posted when a message arrives.";
    };
  };

  turn.enable = mkOption {
    type = types.bool;
    default = true;
    example = false;
    description = "Whether this machine relays the media of calls (coturn, UDP 3478 and a port range).";
  };

  iroh = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether the realtime channels of webxdc apps go through an iroh relay on this machine.
        Requests for `/relay`, `/ping` and `/generate_204` on port 443 are passed on to its port 3340 (loopback).
      '';
    };
    program = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/current-system/sw/bin/iroh-relay-0.35";
      description = ''
        The program `iroh-relay`, which is run as a service; null when you run it yourself.
        It has to be of version 0.35, the one whose protocol Delta Chat 2 speaks.
        That of nixpkgs is 1.0 and does not understand these clients.
      '';
    };
    url = mkOption {
      type = types.nullOr (types.strMatching "https://[^ ]+");
      default = null;
      example = "https://iroh.example.org";
      description = "Iroh relay that clients are told; null takes this machine's own where it runs one, and none otherwise.";
    };
  };

  registration = {
    maxLoad = mkOption {
      type = types.numbers.positive;
      default = 5;
      example = 20;
      description = "Load average over one minute above which no new address is made; logins go on.";
    };
    minFreeMemoryMegabytes = mkOption {
      type = types.ints.unsigned;
      default = 200;
      example = 50;
      description = "Available memory in MiB below which no new address is made.";
    };
    minFreeDiskMegabytes = mkOption {
      type = types.ints.unsigned;
      default = 1024;
      example = 200;
      description = "Free space of the mailboxes' file system in MiB below which no new address is made.";
    };
    perAddressBurst = mkOption {
      type = types.ints.positive;
      default = 5;
      example = 20;
      description = "Addresses that one IP address may ask `/new` for at once; two more every second.";
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
        Who answers on port 443: `shared` passes IMAP and SMTP by ALPN to Dovecot and Postfix and the rest to nginx,
        `web-only` leaves it to nginx' virtual hosts, `off` does not touch it.
      '';
    };
    showInvite = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether the home page offers an address to everybody.
        Turn it off where people come by invitation only: then the page says so.
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
      type = types.attrsOf (types.strMatching "[#a-zA-Z0-9(),.%/' \"-]+");
      default = { };
      example = {
        accent = "#0a6b4f";
        dark-accent = "#7fe3c0";
      };
      description = ''
        Values for the colours and the font of the pages, which are CSS variables: `paper`, `ink`, `accent`…
        A name with `dark-` before it holds in the dark; a name that the pages do not have fails the build.
      '';
    };
    contact = {
      mail = mkOption {
        type = types.nullOr types.str;
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

  autoUpgrade = {
    enable = mkOption {
      type = types.bool;
      default = false;
      example = true;
      description = ''
        Whether this machine upgrades itself.
        A new system is built, tried out, and kept only when the health gate (`chatmail-selftest.service`) finds nothing
        broken that worked before; otherwise the previous system runs again.
        Reports are in `/var/lib/chatmail-upgrade`. Only on NixOS.
      '';
    };
    flake = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "github:example/relay";
      description = ''
        Flake whose newest state is built: a URI, or `URI#NAME` where the configuration is not named like the host.
      '';
    };
    dates = mkOption {
      type = types.str;
      default = "04:40";
      example = "Sun 03:00";
      description = "When to look for a new system, as a calendar event of systemd.time(7).";
    };
  };

  binaryCache = {
    url = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "https://cache.example.org";
      description = ''
        Binary cache that has the packages of this flake built, so that this machine need not. It is used where its
        `publicKey` is given, too. Only on NixOS.
      '';
    };
    publicKey = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "cache.example.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
      description = "Key by which the cache signs; nothing unsigned is taken from it.";
    };
  };

  appVersionsFile = mkOption {
    type = types.nullOr types.path;
    default = null;
    example = "/etc/chatmail/appversions.json";
    description = "JSON file with the newest client versions, given to clients as IMAP METADATA; null gives none.";
  };
}
