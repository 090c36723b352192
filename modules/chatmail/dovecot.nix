# { lib, settings, programs, ... } -> services.dovecot2: mailboxes, IMAP, and the login that Postfix asks about, too.
# Over 150 lines: one configuration file of one daemon.
{
  lib,
  settings,
  programs,
  bounds,
  changed,
  quiet,
  ...
}:
let
  inherit (lib)
    mapAttrs
    mkDefault
    optionalAttrs
    ;
  inherit (settings)
    directories
    limits
    network
    ports
    retention
    sockets
    users
    ;
  # every value below a section may be set by the operator, too
  defaults = mapAttrs (_: value: if builtins.isAttrs value then defaults value else mkDefault value);
  accounts = "http://127.0.0.1:${toString ports.login}";
  # chatmaild restarts, has too much to do, or dies while it thinks: it is asked again, at least once a second
  patience = {
    http_client_request_max_attempts = 20;
    http_client_max_connect_attempts = 10000;
    http_client_connect_backoff_max_time = "1s";
  };
  queue = "${directories.postfixQueue}/";
  postfixSocket = mode: {
    inherit mode;
    user = users.postfix;
    group = users.postfix;
  };
  # everything that ends in an auth or statistics process: sessions, their log-ins, submission, deliveries
  clients = limits.imapConnections + 3 * limits.smtpConnections + 1000;
  # pkgs/preload/instant-idle.c
  instantIdle = optionalAttrs changed.instantIdle { instant_idle = true; };
  # no blanks: Dovecot splits import_environment at them, and doveadm then cannot read its configuration
  infoLog = "%{env:CHATMAIL_INFO_LOG|default('/dev/null')}";
  # what clients look for
  own = [
    "XCHATMAIL"
    "XDELTAPUSH"
  ];
  specialUse = name: { special_use = "\\${name}"; };
in
{
  services.dovecot2 = {
    enable = true;
    enablePAM = false;
    settings = {
      # set by NixOS, too: a relay has no other choice
      auth_mechanisms = [ "plain" ];
      mail_driver = "maildir";
      mail_path = "${directories.mail}/%{user}";
    }
    // defaults (
      {
        dovecot_config_version = "2.4.1";
        dovecot_storage_version = "2.4.0";
        protocols = [
          "imap"
          "lmtp"
        ];
        mail_uid = users.mail;
        mail_gid = users.mail;
        first_valid_uid = 1;
        # A lock is written before it gets its name. The other way, who dies between the two leaves a lock without
        # an owner, and nobody sees new mail in that mailbox for two minutes.
        dotlock_use_excl = false;

        # --- TLS
        ssl = "required";
        ssl_min_protocol = "TLSv1.3";
        ssl_server_cert_file = settings.tls.certificateFile;
        ssl_server_key_file = settings.tls.keyFile;

        # --- who may log in: chatmaild decides, and creates addresses at their first login
        # brackets: addresses of an IP-only relay (RFC 5321 section 4.1.3)
        auth_username_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@[]";
        "passdb oauth2".oauth2 = {
          grant_url = "${accounts}/login";
          client_id = "dovecot";
          client_secret = "local";
          introspection_mode = "post";
          introspection_url = "${accounts}/login";
          username_attribute = "user";
          active_attribute = "active";
          active_value = "true";
          # the client's IP address, in a header: guesses are counted for each network
          send_auth_headers = true;
        }
        // patience
        // {
          # Longer than Postfix waits (10 s): it says 454 then, and 535 to every failure that it is told of, also to
          # one that Dovecot calls temporary. Nobody is to hear that his password is wrong because we had a problem.
          http_client_request_absolute_timeout = "12s";
          # a login that has to wait keeps its connection, see accounts/limits/patience.py
          http_client_max_parallel_connections = 250;
        };
        "userdb static" = {
          userdb_static_allow_all_users = true;
          fields = {
            uid = users.mail;
            gid = users.mail;
            home = "${directories.mail}/%{user}";
          };
        };
        "service auth" = {
          client_limit = clients;
          # sessions, deliveries and quota-status have this user
          "unix_listener auth-userdb" = {
            user = users.mail;
            mode = "0600";
          };
          "unix_listener ${queue}${sockets.auth}" = postfixSocket "0660";
        };

        # --- IMAP
        # a session that waits costs a tenth of one that works
        imap_hibernate_timeout = "${toString settings.imap.hibernateAfterSeconds}s";
        login_greeting = "IMAP server ready.";
        "service imap" = {
          # the processes behind the login alone have a `-o'
          executable = lib.concatStringsSep " " (
            [ "imap" ] ++ map (name: "-o imap_capability/${name}=yes") own
          );
          user = users.mail;
          extra_groups = users.dovecot;
          process_limit = limits.imapConnections;
          # warm ones, so that neither a login nor a new message waits for a fork
          process_min_avail = 2;
          restart_request_count = 1000;
          # a process whose session sleeps is not kept for a minute in case of another
          idle_kill_interval = "1s";
          vsz_limit = "1G";
          "unix_listener imap-master".user = users.dovecot;
        };
        "service imap-hibernate" = {
          client_limit = clients;
          "unix_listener imap-hibernate" = {
            mode = "0660";
            group = users.dovecot;
          };
        };
        "service imap-login" = {
          restart_request_count = "unlimited";
          process_min_avail = 2;
          client_limit = limits.imapConnections;
          vsz_limit = "1G";
          "inet_listener imap".port = ports.imap;
          "inet_listener imaps" = {
            port = ports.imaps;
            ssl = true;
          };
          # from port 443, where nginx tells the client's address first (PROXY protocol)
          "inet_listener imaps-internal" = {
            port = ports.imapsInternal;
            listen = "127.0.0.1";
            # Dovecot 2.4.1 looks for its users once more where `listen' is set, and there only
            default_internal_user = users.dovecot;
            default_internal_group = users.dovecot;
            ssl = true;
            haproxy = true;
          };
        };
        haproxy_trusted_networks = "127.0.0.0/8";
        "protocol imap" = {
          # ./connections.nix counts connections
          mail_max_userip_connections = "unlimited";
          mail_plugins = {
            imap_quota = true;
          }
          // instantIdle;
          imap_metadata = true;
          imap_capability = {
            # a compressed session cannot hibernate
            "\"COMPRESS=DEFLATE\"" = false;
          }
          // lib.optionalAttrs (!settings.imap.discreetLogin) (lib.genAttrs own (_: true));
        };
        "mail_attribute"."dict proxy" = {
          name = "metadata";
          socket_path = sockets.metadata;
        };
        "namespace inbox" = {
          inbox = true;
          separator = "/";
          "mailbox Drafts" = specialUse "Drafts";
          "mailbox Junk" = specialUse "Junk";
          "mailbox Sent" = specialUse "Sent";
          "mailbox Trash" = specialUse "Trash";
        };
        mail_cache_max_size = "500k";
        # The cache has headers of messages: rewritten when 1 % of them are expunged, which is the least that Dovecot
        # offers. chatmail-expire removes the rest. Without headers in it, a FETCH of many costs three times the CPU.
        mail_cache_purge_delete_percentage = 1;
        mail_cache_purge_min_size = 1;

        # --- delivery
        "service lmtp" = {
          user = users.mail;
          # Postfix keeps its connections, so one spare is enough
          process_min_avail = 1;
          restart_request_count = "unlimited";
          # Dovecot's own socket, open to every user: a message would arrive without the filter's rules
          "unix_listener lmtp".mode = "0";
          # not private/lmtp: that is the socket of Postfix' own client
          "unix_listener ${queue}${sockets.lmtp}" = postfixSocket "0600";
        };
        # addresses and headers in UTF-8 (RFC 6531), which Postfix takes in, are delivered, too
        mail_utf8_extensions = true;
        lmtp_add_received_header = false;
        lmtp_hdr_delivery_address = "none";
        # the limit's 451 would hold a popular address' mail back for a minute
        lmtp_user_concurrency_limit = "unlimited";
        "protocol lmtp" = {
          mail_fsync = if settings.mail.fsync then "optimized" else "never";
        }
        // optionalAttrs changed.instantIdle { mail_plugins = instantIdle; };

        # --- quota
        mail_plugins.quota = true;
        # each message takes an inode, each folder eight
        quota_mailbox_count = retention.maxFolders;
        "quota \"User quota\"" = {
          driver = "maildir";
          storage_size = "${toString retention.quotaMegabytes}M";
          storage_grace = 0;
          message_count = retention.maxMessages;
          "warning clean-up" = {
            quota_storage_percentage = retention.quotaWarnPercent;
            "execute quota-clean".args = "%{user}";
          };
          "warning clean-up-messages" = {
            resource = "message";
            quota_message_percentage = retention.quotaWarnPercent;
            "execute quota-clean".args = "%{user}";
          };
        };
        "service quota-clean" = {
          # an address may begin with a hyphen
          executable = "script ${programs.chatmaild} quota-clean --";
          user = users.mail;
          "unix_listener quota-clean" = {
            user = users.mail;
            mode = "0600";
          };
        };

        # Whether a message fits, for the filter (Postfix' policy protocol). It asks for mailboxes alone that are
        # nearly full, and refuses the message with what LMTP would say.
        "service quota-status" = {
          executable = "quota-status -p postfix";
          user = users.mail;
          client_limit = 1;
          "unix_listener ${baseNameOf sockets.quotaStatus}" = {
            user = users.filter;
            mode = "0600";
          };
        };
        "protocol quota-status" = {
          quota_status_success = "OK";
          quota_status_overquota = "552 5.2.2";
          quota_status_toolarge = "552 5.2.2";
          quota_status_nouser = "OK";
        };

        # --- ends the sessions of an address; chatmaild has no other right over Dovecot
        "service end-sessions" = {
          executable = "script ${programs.doveadm} kick --";
          user = users.dovecot;
          "unix_listener ${baseNameOf sockets.endSessions}" = {
            user = users.mail;
            mode = "0600";
          };
        };

        # --- push: every delivery is told to chatmaild, after the fact
        "event_exporter push" = {
          driver = "http-post";
          http_post_url = "${accounts}/event";
          format = "json";
        }
        // patience
        // {
          # an event is told until it has been heard; Dovecot's own limit is 250 ms
          http_client_request_absolute_timeout = "1h";
        };
        "metric delivered" = {
          exporter = "push";
          filter = "event=mail_delivery_finished";
          exporter_include = [
            "name"
            "fields"
          ];
        };
        "service stats".client_limit = clients;
        "service anvil" = {
          client_limit = clients;
          # knows the sessions
          "unix_listener anvil" = {
            group = users.dovecot;
            mode = "0660";
          };
          # no waiting for those who share an IP address with somebody who mistyped a password
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
        // optionalAttrs changed.smallSessions {
          LD_PRELOAD = "${programs.libraries}/small-sessions.so";
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

  systemd.services.dovecot = {
    # makes the directory of the two sockets in the queue
    requires = [ "postfix-setup.service" ];
    wants = [ "chatmail-accounts.service" ];
    after = [
      "postfix-setup.service"
      "chatmail-accounts.service"
    ];
    serviceConfig =
      bounds
      // quiet
      // {
        # its master listens and starts the others as their users; logins are in an empty root directory
        CapabilityBoundingSet = mkDefault [
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_FOWNER"
          "CAP_KILL"
          "CAP_NET_BIND_SERVICE"
          "CAP_SETGID"
          "CAP_SETUID"
          "CAP_SYS_CHROOT"
          "CAP_SYS_RESOURCE"
        ];
        # NixOS leaves room for set-uid programs of Sieve
        NoNewPrivileges = lib.mkOverride 90 true;
        RestrictSUIDSGID = lib.mkOverride 90 true;
        ProtectSystem = lib.mkOverride 90 "strict";
        ReadWritePaths = [
          directories.mail
          # the sockets for Postfix
          directories.postfixQueue
        ];
        # where it keeps its instance names; it makes the directory, and could not below /var
        StateDirectory = mkDefault "dovecot";
        SystemCallFilter = mkDefault [ "@system-service chroot" ];
        UMask = mkDefault "0077";
        # a TLS session that Dovecot proxies has three
        LimitNOFILE = mkDefault (3 * clients);
      };
  };
}
