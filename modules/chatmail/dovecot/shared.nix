# { lib, settings, changed, ... } -> what the parts of Dovecot's configuration share.
{
  lib,
  settings,
  changed,
  ...
}:
let
  inherit (lib) mapAttrs mkDefault;
  inherit (settings)
    cluster
    limits
    ports
    users
    ;
  # every value below a section may be set by the operator, too, unless it has a priority of its own
  defaults = mapAttrs (
    _: value:
    if !builtins.isAttrs value then
      mkDefault value
    else if value ? _type then
      value
    else
      defaults value
  );
in
{
  inherit defaults;
  dovecot_config_version = "2.4.1";
  dovecot_storage_version = "2.4.0";
  accounts = "http://127.0.0.1:${toString ports.login}";
  # retries, once a second or more often, while chatmaild restarts, is overloaded or crashes
  patience = {
    http_client_request_max_attempts = 20;
    http_client_max_connect_attempts = 10000;
    http_client_connect_backoff_max_time = "1s";
  };
  # a listener of a store
  inTunnel = port: {
    inherit port;
    listen = cluster.address;
    # Dovecot 2.4.1 looks for its users once more where `listen' is set, and there only
    default_internal_user = users.dovecot;
    default_internal_group = users.dovecot;
  };
  queue = "${settings.directories.postfixQueue}/";
  postfixSocket = mode: {
    inherit mode;
    user = users.postfix;
    group = users.postfix;
  };
  # everything that ends in an auth or statistics process: sessions, their log-ins, submission, deliveries
  clients = limits.imapConnections + 3 * limits.smtpConnections + 1000;
  # pkgs/preload/plugins/instant-idle.c
  instantIdle = lib.optionalAttrs changed.instantIdle { instant_idle = true; };
}
