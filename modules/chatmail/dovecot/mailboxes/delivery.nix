# { lib, settings, programs, ... } -> services.dovecot2: deliveries by LMTP, what a delivery starts, and quota.
context@{ lib, settings, ... }:
let
  inherit (import ../shared.nix context)
    defaults
    inTunnel
    postfixSocket
    queue
    ;
  inherit (settings)
    cluster
    ports
    retention
    sockets
    users
    ;
  isStore = cluster.role == "store";
  inherit (context) changed programs;
  inherit (lib) optionalAttrs;
  plugins =
    # the reply of a recipient does not wait for the others: pkgs/preload/plugins/each-reply.c
    optionalAttrs changed.eachReply { each_reply = true; }
    # quota counts a mailbox once for each delivery: pkgs/preload/plugins/rare-recount.c
    // optionalAttrs changed.rareRecount { rare_recount = true; };
in
{
  services.dovecot2.settings = defaults {
    # --- delivery
    "service lmtp" = {
      user = users.mail;
      # Postfix keeps its connections, so one spare is enough
      process_min_avail = 1;
      restart_request_count = "unlimited";
      # Dovecot's own socket, open to every user: a message would arrive without the filter's rules
      "unix_listener lmtp".mode = "0";
    }
    // (
      if isStore then
        # Postfix of the fronts
        { "inet_listener lmtp" = inTunnel ports.lmtp; }
      else
        # not private/lmtp: that is the socket of Postfix' own client
        { "unix_listener ${queue}${sockets.lmtp}" = postfixSocket "0600"; }
    )
    // optionalAttrs settings.mail.directDelivery {
      # messages that came over HTTPS, after the filter accepted them
      "unix_listener ${baseNameOf sockets.lmtpDirect}" = {
        user = users.transport;
        mode = "0600";
      };
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
    // optionalAttrs (plugins != { }) { mail_plugins = plugins; };

    # --- quota
    mail_plugins.quota = true;
    # each message takes an inode, each folder seven
    quota_mailbox_count = retention.maxFolders;
    "quota \"User quota\"" = {
      driver = "count";
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
      # a mailbox that has room again loses its flag `nearly-full'
      "warning room" = {
        threshold = "under";
        quota_storage_percentage = retention.quotaWarnPercent;
        "execute quota-clean".args = "%{user}";
      };
      "warning room-messages" = {
        resource = "message";
        threshold = "under";
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
        # on a store: chatmaild accounts, whom the fronts ask
        user = if isStore then users.mail else users.filter;
        mode = "0600";
      };
    };
    "protocol quota-status" = {
      quota_status_success = "OK";
      quota_status_overquota = "552 5.2.2";
      quota_status_toolarge = "552 5.2.2";
      quota_status_nouser = "OK";
    };
  };
}
