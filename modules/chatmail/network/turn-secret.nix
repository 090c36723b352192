# { lib, settings, programs, sandbox, given, ... } -> the secret with which chatmaild makes credentials for calls, and
# coturn checks them. One machine makes its own at the first start; those of a cluster derive the same from their common
# one.
{
  lib,
  settings,
  programs,
  sandbox,
  given,
  ...
}:
let
  inherit (lib) escapeShellArg optionalAttrs;
  inherit (settings) cluster turn users;
  isCluster = cluster.role != "all";
  directory = dirOf turn.secretFile;
  secret = escapeShellArg turn.secretFile;
  make =
    if isCluster then
      "${programs.openssl} dgst -sha256 -r $CREDENTIALS_DIRECTORY/cluster | { read -r hash rest; printf %%s $hash; } > ${secret}.new"
    else
      "${programs.openssl} rand -hex 32 > ${secret}.new";
  # a common secret may change
  condition = lib.optionalString (!isCluster) "test -s ${secret} || ";
in
optionalAttrs turn.enable {
  # the group of the directory becomes that of the secret
  systemd.tmpfiles.settings."10-chatmail".${directory}.d = {
    user = users.mail;
    group = if cluster.role == "store" then users.mail else users.turn;
    mode = "2750";
  };

  systemd.services.chatmail-turn-secret = {
    description = "Secret for credentials of the media relay";
    before = [
      "coturn.service"
      "chatmail-accounts.service"
    ];
    requiredBy = lib.optional (cluster.role != "store") "coturn.service";
    wantedBy = [ "multi-user.target" ];
    serviceConfig =
      sandbox
      // {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${programs.shell} -c '${condition}{ ${make} && mv ${secret}.new ${secret}; }'";
        User = users.mail;
        ReadWritePaths = [ directory ];
        UMask = "0337";
      }
      // optionalAttrs isCluster {
        LoadCredential = "cluster:${toString given.cluster.secretFile}";
      };
  };
}
