# { settings, ... } -> services.dovecot2: indexes and caches of mailboxes, and the socket that deletes messages.
context@{ settings, ... }:
let
  inherit (import ./shared.nix context) defaults;
  inherit (settings) sockets users;
in
{
  services.dovecot2.settings = defaults {
    # Each delivery reads dovecot.index.log from where dovecot.index ends: small logs keep its cost flat. Measured by
    # scripts/bench-storage.
    mail_index_rewrite_min_log_bytes = "4k";
    mail_index_rewrite_max_log_bytes = "16k";
    mail_index_log_rotate_min_size = "8k";
    mail_index_log_rotate_max_size = "32k";
    mail_index_log_rotate_min_age = "1s";
    # 1 KB for each of 50,000 messages; Dovecot empties a cache that is larger, and logs it
    mail_cache_max_size = "64M";
    # The cache has headers of messages: rewritten when 1 % of them are expunged, which is the least that Dovecot
    # offers. chatmail-expire removes the rest. Without headers in it, a FETCH of many costs three times the CPU.
    mail_cache_purge_delete_percentage = 1;
    mail_cache_purge_min_size = 1;

    # chatmail-expire and quota-clean choose messages, Dovecot deletes them: chatmaild/store/mail/doveadm.py
    "service doveadm" = {
      user = users.mail;
      # 0600: Dovecot asks for no password then
      "unix_listener ${baseNameOf sockets.doveadm}" = {
        user = users.mail;
        mode = "0600";
      };
    };
    "protocol doveadm".doveadm_allowed_commands = {
      expunge = true;
      "\"mailbox cache purge\"" = true;
    };
  };
}
