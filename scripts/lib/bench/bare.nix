# { lib, ... } -> the other side of the comparison: stock Postfix and Dovecot, as an operator who wants speed sets them,
# without anything of ours: no filter, no DKIM, no accounts service, no push, no METADATA, no nginx in front, no preload.
# scripts/bench stops all other services of the relay, and writes the table of users before each measurement (sides.py).
# Every setting was chosen by measurement; docs/performance/README.md says why.
{ lib, ... }:
let
  inherit (lib) mkForce;
  certificate = "/var/lib/chatmail/tls/fullchain.pem";
  key = "/var/lib/chatmail/tls/key.pem";
  mail = "/var/lib/chatmail/mail";
  queue = "/var/lib/postfix/queue";
  smtpd = options: {
    private = false;
    command = "smtpd";
    maxproc = 500;
    args = lib.concatMap (name: [
      "-o"
      "${name}=${options.${name}}"
    ]) (lib.attrNames options);
  };
  submission = {
    smtpd_tls_security_level = "encrypt";
    smtpd_sasl_auth_enable = "yes";
    smtpd_relay_restrictions = "permit_sasl_authenticated,reject";
  };
in
{
  services.postfix = {
    enableSubmission = mkForce false;
    settings.main = mkForce {
      compatibility_level = "3.10";
      mail_owner = "postfix";
      setgid_group = "postdrop";
      data_directory = "/var/lib/postfix/data";
      queue_directory = queue;
      mydestination = "";
      mynetworks = "127.0.0.1/32";
      alias_maps = "";
      smtpd_relay_restrictions = "reject_unauth_destination";
      # the users of each relay, by the form of their names: the cheapest table that refuses unknown ones
      virtual_mailbox_domains = "$myhostname";
      virtual_mailbox_maps = "regexp:{{/^[^@]+@[ab][.]test$$/ ok}}";
      virtual_transport = "lmtp:unix:private/dovecot-lmtp";
      message_size_limit = 52428800;
      virtual_mailbox_limit = 0;
      # as many messages at once as clients send
      default_process_limit = 500;
      in_flow_delay = "0s";
      queue_run_delay = "30s";
      minimal_backoff_time = "30s";
      # no look-up of the client's name, no round trip to anvil(8)
      smtpd_peername_lookup = false;
      smtpd_client_connection_count_limit = 0;
      # the message is passed on as it is
      disable_mime_input_processing = true;
      disable_mime_output_conversion = true;
      smtp_line_length_limit = 0;
      lmtp_line_length_limit = 0;
      append_dot_mydomain = false;
      swap_bangpath = false;
      allow_percent_hack = false;
      local_header_rewrite_clients = "";
      enable_long_queue_ids = true;
      smtpd_sasl_type = "dovecot";
      smtpd_sasl_path = "private/auth";
      smtpd_tls_chain_files = [
        key
        certificate
      ];
      smtpd_tls_security_level = "may";
      smtp_tls_security_level = "may";
      smtp_tls_CAfile = "/etc/ssl/certs/ca-certificates.crt";
      smtp_tls_connection_reuse = true;
      smtp_connection_cache_destinations = "static:all";
      smtp_connection_cache_time_limit = "30s";
      connection_cache_ttl_limit = "30s";
    };
    settings.master = mkForce {
      smtp_inet.maxproc = 500;
      "465" = smtpd (submission // { smtpd_tls_wrappermode = "yes"; }) // {
        type = "inet";
      };
      "587" = smtpd submission // {
        type = "inet";
      };
      tlsproxy = {
        command = "tlsproxy";
        maxproc = 0;
      };
    };
  };
  # Postfix itself listens on ports 465 and 587
  services.nginx.streamConfig = mkForce "";
  systemd.services.postfix.environment.LD_PRELOAD = null;
  systemd.services.postfix.serviceConfig.ExecStop = mkForce "/usr/sbin/postfix stop";

  services.dovecot2.settings = mkForce {
    base_dir = "/run/dovecot2";
    default_internal_user = "dovecot2";
    default_internal_group = "dovecot2";
    default_login_user = "dovenull";
    dovecot_config_version = "2.4.1";
    dovecot_storage_version = "2.4.0";
    protocols = [
      "imap"
      "lmtp"
    ];
    mail_uid = "vmail";
    mail_gid = "vmail";
    first_valid_uid = 1;
    # faster than maildir, and flat with small logs of the index
    mail_driver = "sdbox";
    mail_index_rewrite_min_log_bytes = "4k";
    mail_index_rewrite_max_log_bytes = "16k";
    mail_index_log_rotate_min_size = "8k";
    mail_index_log_rotate_max_size = "32k";
    mail_index_log_rotate_min_age = "1s";
    mail_cache_max_size = "64M";
    mail_path = "${mail}/%{user}";
    "namespace inbox" = {
      inbox = true;
      separator = "/";
    };
    ssl = "required";
    ssl_min_protocol = "TLSv1.3";
    ssl_server_cert_file = certificate;
    ssl_server_key_file = key;
    auth_mechanisms = [ "plain" ];
    "passdb passwd-file".passwd_file_path = "/etc/dovecot/users";
    "userdb static" = {
      userdb_static_allow_all_users = true;
      fields = {
        uid = "vmail";
        gid = "vmail";
        home = "${mail}/%{user}";
      };
    };
    "service auth" = {
      client_limit = 20000;
      "unix_listener ${queue}/private/auth" = {
        mode = "0660";
        user = "postfix";
        group = "postfix";
      };
    };
    "service anvil".client_limit = 20000;
    "service stats".client_limit = 20000;
    "service lmtp" = {
      user = "vmail";
      process_min_avail = 1;
      restart_request_count = "unlimited";
      "unix_listener ${queue}/private/dovecot-lmtp" = {
        mode = "0600";
        user = "postfix";
      };
    };
    lmtp_user_concurrency_limit = "unlimited";
    lmtp_add_received_header = false;
    # an accepted message is on disk, as with ours
    "protocol lmtp".mail_fsync = "optimized";
    "service imap" = {
      process_limit = 5000;
      process_min_avail = 2;
      restart_request_count = 1000;
      idle_kill_interval = "1s";
      # to hibernate, and back
      extra_groups = "dovecot2";
      "unix_listener imap-master".user = "dovecot2";
    };
    "service imap-login" = {
      process_min_avail = 2;
      restart_request_count = "unlimited";
      client_limit = 10000;
      "inet_listener imap".port = 143;
      "inet_listener imaps" = {
        port = 993;
        ssl = true;
      };
    };
    "service imap-hibernate" = {
      client_limit = 20000;
      "unix_listener imap-hibernate" = {
        mode = "0660";
        group = "dovecot2";
      };
    };
    imap_hibernate_timeout = "1s";
    "protocol imap" = {
      mail_max_userip_connections = "unlimited";
      # The one thing of ours: stock Dovecot waits 500 ms before IDLE tells of a message. The times of messages would
      # compare nothing else.
      mail_plugins.instant_idle = true;
    };
    info_log_path = "/dev/null";
  };
}
