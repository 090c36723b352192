# { lib, settings, programs, sandbox, ... } -> how the certificate comes to be where settings.tls says, unless ACME
# orders it: one of our own for a relay without a public name, and word to the daemons when a given file changes.
{
  lib,
  settings,
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
in
optionalAttrs (tls.mode == "self-signed") {
  # the group of the directory becomes that of the key
  systemd.tmpfiles.settings."10-chatmail".${directory}.d = {
    user = "root";
    group = users.tlsGroup;
    mode = "2750";
  };

  systemd.services.chatmail-certificate = {
    description = "Self-signed certificate";
    before = daemons;
    requiredBy = daemons;
    serviceConfig = sandbox // {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = "${programs.shell} -c 'test -s fullchain.pem || { ${make}; }'";
      WorkingDirectory = directory;
      ReadWritePaths = [ directory ];
      UMask = "0022";
    };
  };
}
// optionalAttrs (tls.mode == "files") {
  systemd.paths.chatmail-certificate = {
    description = "Changes of the certificate";
    wantedBy = [ "multi-user.target" ];
    pathConfig.PathChanged = tls.certificateFile;
  };
  systemd.services.chatmail-certificate = {
    description = "Take the changed certificate into use";
    serviceConfig = {
      Type = "oneshot";
      # a restart would cut every session
      ExecStart = "${programs.systemctl} try-reload-or-restart ${concatStringsSep " " daemons}";
    };
  };
}
