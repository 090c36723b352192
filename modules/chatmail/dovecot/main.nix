# { lib, settings, programs, ... } -> services.dovecot2: storage, internal sockets and logs. The rest is beside it.
context@{
  lib,
  settings,
  programs,
  changed,
  ...
}:
let
  inherit (import ./shared.nix context)
    clients
    defaults
    dovecot_config_version
    dovecot_storage_version
    ;
  inherit (lib) optionalAttrs;
  inherit (settings)
    cluster
    directories
    network
    sockets
    users
    ;
  preloaded =
    lib.optionals changed.endedPeers [
      "absent-mail"
      "ended-peers"
    ]
    ++ lib.optional changed.smallSessions "small-sessions"
    ++ lib.optionals changed.backgroundClose [
      "background-close"
      "prompt-stop"
      "resumed-input"
    ]
    ++ lib.optionals changed.cheapUsers [
      "no-statistics"
      "shared-settings"
    ]
    ++ lib.optional changed.quietFirst "quiet-first";
  # no blanks: Dovecot splits import_environment at them, and doveadm then cannot read its configuration
  infoLog = "%{env:CHATMAIL_INFO_LOG|default('/dev/null')}";
in
{
  services.dovecot2 = {
    enable = true;
    enablePAM = false;
    settings = {
      # set by NixOS, too: a relay has no other choice
      auth_mechanisms = [ "plain" ];
      # of new accounts; those of older versions are maildir until they are converted (./conversion.nix)
      mail_driver = "sdbox";
      mail_path = "${directories.mail}/%{user}";
    }
    // defaults (
      {
        inherit dovecot_config_version dovecot_storage_version;
        protocols = [ "imap" ] ++ lib.optional (cluster.role != "front") "lmtp";
        mail_uid = users.mail;
        mail_gid = users.mail;
        first_valid_uid = 1;
        # Write a lock file before it gets its name. Otherwise a process that dies in between leaves a lock without an
        # owner, which blocks the mailbox for two minutes.
        dotlock_use_excl = false;

        # After a reload, for a new certificate, open sessions go on in the old processes; otherwise they are killed after 6 s.
        shutdown_clients = false;

        # --- ends the sessions of an address, on a front those with a store; chatmaild has no other right over Dovecot
        "service end-sessions" = {
          executable = "script ${programs.doveadm} ${
            if cluster.role == "front" then "proxy kick -h" else "kick --"
          }";
          user = users.dovecot;
          "unix_listener ${baseNameOf sockets.endSessions}" = {
            user = users.mail;
            mode = "0600";
          };
        };

        "service stats".client_limit = clients;
        "service anvil" = {
          client_limit = clients;
          # knows the sessions
          "unix_listener anvil" = {
            group = users.dovecot;
            mode = "0660";
          };
          # no delay for other users of the same IP address after a wrong password
          "unix_listener anvil-auth-penalty".mode = "0";
        };

        # open to every user, and needed by nothing here: no full-text search, no URLAUTH, no host names to look up
        "service indexer"."unix_listener indexer".mode = "0";
        "service imap-urlauth-login"."unix_listener imap-urlauth".mode = "0";
        "service dns-client"."unix_listener dns-client".mode = "0";

        # NixOS sets it for Sieve, which is not there and whose settings Dovecot does not know then
        sieve_script_bin_path = null;

        # --- privacy: no line for a login or a delivery, unless `chatmail log-mail` sets the variable
        info_log_path = infoLog;
        import_environment = {
          CHATMAIL_INFO_LOG = infoLog;
        }
        // optionalAttrs (preloaded != [ ]) {
          LD_PRELOAD = lib.concatMapStringsSep ":" (name: "${programs.libraries}/${name}.so") preloaded;
        };
        mail_log_prefix = "\"%{service}(%{process:pid}): \"";
        login_log_format_elements = "mpid=%{mail_pid}";
      }
      // optionalAttrs (settings.contact.mail != null) {
        mail_server_admin = "mailto:${settings.contact.mail}";
      }
      // optionalAttrs (!network.ipv6) {
        listen = "*";
      }
    );
  };
}
