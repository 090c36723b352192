# { lib, cfg, settings } -> [ { assertion; message; } ]: relations between options, and what no type can say.
# Ranges and patterns are types, in ./options.nix.
# A message names the option, its value, why it cannot be, and what to write instead.
{
  lib,
  cfg,
  settings,
}:
let
  inherit (builtins)
    all
    any
    concatStringsSep
    elem
    filter
    fromJSON
    head
    genList
    match
    stringLength
    substring
    ;
  inherit (lib)
    hasInfix
    hasPrefix
    hasSuffix
    splitString
    ;
  inherit (settings) domain;
  inherit (cfg)
    accounts
    backup
    domains
    mail
    retention
    tls
    ;
  inherit (cfg.monitoring) metrics;

  check = option: value: assertion: reason: repair: {
    inherit assertion;
    message = "services.chatmail.${option} = ${builtins.toJSON value}: ${reason} ${repair}";
  };

  # RFC 1035 section 2.3.1, and the leading underscore of relays without a public certificate
  label = "_?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  isName =
    match "${label}([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+" domain != null
    && stringLength domain <= 253;
  looksLikeAddress = match "[0-9.]+" domain != null;
  isIpv4 =
    text:
    let
      numbers = splitString "." text;
    in
    builtins.length numbers == 4
    && all (number: match "0|[1-9][0-9]{0,2}" number != null && fromJSON number <= 255) numbers;
  isAddress = isIpv4 domain;

  # rules for domains
  inBrackets = rule: match "\\[([0-9.]+)]" rule;
  isBelow = rule: parent: rule == parent || hasSuffix ".${parent}" rule;
  rules = domains.blocked ++ domains.allowedOnly;
  useless = filter (rule: any (isBelow rule) domains.blocked) domains.allowedOnly;

  # everybody on the machine can read the Nix store
  isInStore =
    file: file != null && (builtins.isPath file || hasPrefix "${builtins.storeDir}/" (toString file));
  # a message must not copy the file into the store itself
  named = file: if file == null then null else toString file;
  isLocal = backup.repository != null && hasPrefix "/" backup.repository;

  # of the names that clients invent for new addresses (DCACCOUNT)
  invented = "abcdefghijklmnopqrstuvwxyz0123456789";
  characters = text: genList (n: substring n 1 text) (stringLength text);
in
[
  (check "domain" cfg.domain (cfg.domain != null) "a relay needs a name, and has none."
    "Write the one that stands behind the @, such as \"chat.example.org\"."
  )
  (check "domain" domain (if looksLikeAddress then isAddress else isName)
    "this is neither a domain name in lower case nor an IPv4 address."
    "Write the name that stands behind the @, such as \"chat.example.org\"."
  )
  (check "ipv4.enable" cfg.ipv4.enable (
    cfg.ipv4.enable || cfg.ipv6.enable
  ) "ipv6.enable is false, too, so nobody reaches the relay." "Set one of the two to true.")
  (check "ipv4.enable" cfg.ipv4.enable (
    cfg.ipv4.enable || !looksLikeAddress
  ) "the domain is the IPv4 address ${domain}." "Set it to true, or take a domain name.")

  (check "domains.blocked" domains.blocked (!elem settings.mailDomain domains.blocked)
    "${settings.mailDomain} is this relay's own domain, which is always allowed."
    "Remove it; `chatmail registration close` stops new addresses."
  )
  (check "domains.allowedOnly" domains.allowedOnly (!elem settings.mailDomain domains.allowedOnly)
    "${settings.mailDomain} is this relay's own domain, which is always allowed."
    "Remove it, and list domains of other servers."
  )
  (check "domains.allowedOnly" domains.allowedOnly (useless == [ ])
    "domains.blocked covers ${concatStringsSep ", " useless}, so these would stay blocked."
    "Remove them from one of the two lists."
  )
  (check "domains" rules (all (rule: inBrackets rule == null || isIpv4 (head (inBrackets rule)))
    rules
  ) "a number of an IPv4 address is above 255 or begins with 0." "Write it as in \"[192.0.2.1]\".")

  (check "accounts.userNameCharacters" accounts.userNameCharacters
    (all (c: hasInfix c accounts.userNameCharacters) (characters invented))
    "clients invent names of lower-case letters and digits, and some of these are missing."
    "Include all of ${invented}."
  )

  (check "retention.deleteLargeAfterDays" retention.deleteLargeAfterDays
    (retention.deleteLargeAfterDays <= retention.deleteAfterDays)
    "large messages would stay longer than small ones (retention.deleteAfterDays = ${toString retention.deleteAfterDays})."
    "Set it to ${toString retention.deleteAfterDays} or less."
  )
  (check "retention.deleteInactiveAfterDays" retention.deleteInactiveAfterDays
    (retention.deleteInactiveAfterDays >= retention.deleteAfterDays)
    "an address would be deleted before its mail is (retention.deleteAfterDays = ${toString retention.deleteAfterDays})."
    "Set it to ${toString retention.deleteAfterDays} or more."
  )
  (check "retention.quotaMegabytes" retention.quotaMegabytes
    (retention.quotaMegabytes * 1048576 >= 2 * mail.maxMessageBytes)
    "a mailbox would not hold two messages of mail.maxMessageBytes = ${toString mail.maxMessageBytes}."
    "Set it to ${
      toString (2 * mail.maxMessageBytes / 1048576 + 1)
    } or more, or lower mail.maxMessageBytes."
  )

  (check "tls.certificateFile" tls.certificateFile
    (settings.tls.mode != "files" || tls.certificateFile != null)
    "tls.mode is \"files\", but no file with the certificate is given."
    "Set it to a PEM file, or set tls.mode to \"acme\" or \"self-signed\"."
  )
  (check "tls.keyFile" tls.keyFile (settings.tls.mode != "files" || tls.keyFile != null)
    "a certificate is given as a file, but no file with its key."
    "Set it to the PEM file with the private key."
  )
  (check "tls.certificateFile" tls.certificateFile
    (settings.tls.mode == "files" || tls.certificateFile == null)
    "tls.mode is \"${settings.tls.mode}\", so the file would not be used."
    "Remove it, or set tls.mode to \"files\"."
  )
  (check "tls.mode" tls.mode
    (settings.tls.mode != "acme" || !(hasPrefix "_" domain || looksLikeAddress))
    "no authority that is used here gives a certificate for ${domain}."
    "Set it to null or \"self-signed\", or give the certificate as files."
  )

  (check "monitoring.metrics.address" metrics.address
    (metrics.tokenFile != null || match "127[.][0-9.]+|::1" metrics.address != null)
    "every client that can connect to this IP address could read the metrics."
    "Set monitoring.metrics.tokenFile as well, or use 127.0.0.1."
  )

  (check "backup.repository" backup.repository (!backup.enable || backup.repository != null)
    "backups are enabled, and have no place."
    "Set it to a path on another disk, or to a location of restic, such as \"sftp:backup@backup.example.org:/srv/chatmail\"."
  )
  (check "backup.repository" backup.repository
    (!isLocal || !hasPrefix "${cfg.stateDir}/" "${backup.repository}/")
    "it is inside of the relay's own state (stateDir = ${cfg.stateDir}), of which it is the copy."
    "Set it to a directory on another disk."
  )
  (check "backup.repository" "…"
    (backup.repository == null || match ".*//[^/@]*:[^/@]*@.*" backup.repository == null)
    "it has a password, which everybody on the machine could read."
    "Write RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD into the file backup.environmentFile."
  )
  (check "backup.passwordFile" (named backup.passwordFile)
    (!backup.enable || backup.passwordFile != null)
    "backups are enabled, and nothing encrypts them."
    "Set it to a file with a long random password, such as \"/var/lib/secrets/backup-password\"."
  )
  (check "backup.passwordFile" (named backup.passwordFile) (!isInStore backup.passwordFile)
    "everybody on the machine can read the Nix store."
    "Write the path as a string, of a file that is outside of it."
  )
  (check "backup.environmentFile" (named backup.environmentFile) (!isInStore backup.environmentFile)
    "everybody on the machine can read the Nix store."
    "Write the path as a string, of a file that is outside of it."
  )

  (check "dkim.publishedSelectors" cfg.dkim.publishedSelectors
    (!elem cfg.dkim.selector cfg.dkim.publishedSelectors)
    "the signing selector \"${cfg.dkim.selector}\" is published anyway."
    "List the other selectors only."
  )
]
++ import ./cluster/assertions.nix {
  inherit
    lib
    cfg
    settings
    check
    isInStore
    named
    ;
}
