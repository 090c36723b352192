# { lib, settings, given, programs, sandbox, ... } -> how the certificate comes to be where settings.tls says, unless ACME
# orders it: one of our own for a relay without a public name; a given one is copied there whenever it changes, if
# certificate and key belong together (./take-certificate.sh).
{
  lib,
  settings,
  given,
  programs,
  sandbox,
  ...
}:
let
  inherit (lib)
    concatMapStringsSep
    concatStringsSep
    optionalAttrs
    ;
  inherit (settings) domain tls users;
  directory = dirOf tls.certificateFile;
  isAddress = !settings.dkim.enable;
  names =
    if isAddress then
      "IP:${domain}"
    else
      concatMapStringsSep "," (prefix: "DNS:${prefix}${domain}") [
        ""
        "www."
        "mta-sts."
      ];
  daemons = [
    "postfix.service"
    "dovecot.service"
    "nginx.service"
  ];
  make = concatStringsSep " " [
    "${programs.openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 36500"
    "-subj /CN=${domain} -addext subjectAltName=${names} -addext basicConstraints=critical,CA:FALSE"
    "-addext keyUsage=digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth"
    "-keyout key.new -out fullchain.new"
    # the key first: a certificate without one is never seen
    "&& chmod 640 key.new && mv key.new key.pem && mv fullchain.new fullchain.pem"
  ];
  service = {
    before = daemons;
    serviceConfig = sandbox // {
      Type = "oneshot";
      PrivateNetwork = true;
      WorkingDirectory = directory;
      ReadWritePaths = [ directory ];
    };
  };

  makeOnce = lib.recursiveUpdate service {
    description = "Self-signed certificate";
    requiredBy = daemons;
    serviceConfig = {
      RemainAfterExit = true;
      ExecStart = "${programs.shell} -c 'test -s fullchain.pem || { ${make}; }'";
      UMask = "0022";
    };
  };

  take = lib.recursiveUpdate service {
    description = "Take the given certificate into use";
    # without it they start all the same
    wantedBy = daemons;
    # each change is a start
    unitConfig.StartLimitIntervalSec = 0;
    environment = {
      CERTIFICATE = given.tls.certificateFile;
      KEY = given.tls.keyFile;
      DAEMONS = toString daemons;
      OPENSSL = programs.openssl;
      SYSTEMCTL = programs.systemctl;
    };
    script = ''
      provisional() {
        ${make}
      }
      ${builtins.readFile ./take-certificate.sh}
    '';
    serviceConfig = {
      # reads what belongs to whoever renews it, and tells systemd of it
      CapabilityBoundingSet = "CAP_DAC_READ_SEARCH";
      PrivateUsers = false;
      ProtectHome = "read-only";
    };
  };
in
optionalAttrs (tls.mode != "acme") {
  # the group of the directory becomes that of the key
  systemd.tmpfiles.settings."10-chatmail".${directory}.d = {
    user = "root";
    group = users.tlsGroup;
    mode = "2750";
  };

  systemd.services.chatmail-certificate = if tls.mode == "files" then take else makeOnce;

  systemd.paths = optionalAttrs (tls.mode == "files") {
    chatmail-certificate = {
      description = "Changes of the certificate";
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = [
        given.tls.certificateFile
        given.tls.keyFile
      ];
    };
  };
}
