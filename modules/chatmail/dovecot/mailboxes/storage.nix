# { settings, ... } -> services.dovecot2: indexes and caches of mailboxes, and the socket that deletes messages.
context@{ lib, settings, ... }:
let
  inherit (import ../shared.nix context) defaults;
  inherit (settings) retention sockets users;
  # what core asks for before it downloads a message: PREFETCH_FLAGS in its src/imap/session.rs
  listed = [
    "size.virtual"
  ]
  ++ map (name: "hdr.${name}") [
    "autocrypt-setup-message"
    "chat-is-post-message"
    "chat-version"
    "content-type"
    "date"
    "from"
    "message-id"
    "secure-join"
    "x-microsoft-original-message-id"
  ];
  # 2 KB for each message
  cacheMegabytes = retention.maxMessages / 500 + 1;
in
{
  services.dovecot2.settings = defaults {
    # With an index of folders, deliveries that create a mailbox at the same time lock this index and mailboxes.lock in
    # different orders: one ends by SIGABRT, and its message and others come half a minute later. People have few folders.
    mailbox_list_index = false;
    # Each delivery reads dovecot.index.log from where dovecot.index ends: small logs keep its cost flat. Measured by
    # `scripts/scale storage`.
    mail_index_rewrite_min_log_bytes = "4k";
    mail_index_rewrite_max_log_bytes = "16k";
    mail_index_log_rotate_min_size = "8k";
    mail_index_log_rotate_max_size = "32k";
    mail_index_log_rotate_min_age = "1s";
    # The first device lists a mailbox seven times faster if deliveries have filled the cache. These headers take 0.8 KB
    # a message; a client may ask for more. Dovecot empties a cache that is too large, and logs it: there is room for all.
    mail_always_cache_fields = lib.genAttrs listed (_: true);
    mail_cache_record_max_size = "2k";
    mail_cache_max_size = "${toString (if cacheMegabytes > 1024 then 1024 else cacheMegabytes)}M";
    # The cache has headers of messages: rewritten when 1 % of them are expunged, which is the least that Dovecot
    # offers. chatmail-expire removes the rest. Without headers in it, a FETCH of many costs three times the CPU.
    mail_cache_purge_delete_percentage = 1;
    mail_cache_purge_min_size = 1;

    # Dovecot changes mailboxes for chatmail-expire, quota-clean and `chatmail import`, and tells `chatmail export` flags
    # and UIDs: chatmaild/store/mail/doveadm.py
    "service doveadm" = {
      user = users.mail;
      # 0600: Dovecot asks for no password then
      "unix_listener ${baseNameOf sockets.doveadm}" = {
        user = users.mail;
        mode = "0600";
      };
    };
    # its processes read their settings there; no file and no socket of them has a secret
    "service config"."unix_listener config" = {
      user = users.mail;
      mode = "0600";
    };
    "protocol doveadm".doveadm_allowed_commands = {
      expunge = true;
      fetch = true;
      "\"flags add\"" = true;
      force-resync = true;
      "\"mailbox cache purge\"" = true;
      "\"mailbox create\"" = true;
      "\"mailbox status\"" = true;
      "\"mailbox update\"" = true;
      move = true;
      save = true;
    };
  };
}
