# { lib, nameServers, domain, address, certificateFile, keyFile } -> a typical mail server, as NixOS-shaped data:
# Postfix, Dovecot and OpenDKIM with mostly default settings and opportunistic TLS; it accepts plain text.
# `mailuser NAME PASSWORD` makes a mailbox, `mailforward NAME ADDRESS` a forwarder, `mailzone` prints its DNS records.
{
  lib,
  nameServers,
  domain,
  address,
  certificateFile,
  keyFile,
}:
let
  mailboxes = "/var/mail/boxes";
  dkim = {
    directory = "/var/lib/opendkim";
    selector = "mail";
    milter = "inet:127.0.0.1:8891";
  };
  queue = "/var/lib/postfix/queue/private";
  submission = {
    smtpd_tls_security_level = "encrypt";
    smtpd_sasl_auth_enable = "yes";
    smtpd_client_restrictions = "permit_sasl_authenticated,reject";
    milter_macro_daemon_name = "ORIGINATING";
  };
  # /etc is where an administrator keeps such files
  users = "/etc/dovecot/users";
  # A database, because each look-up sees the latest write. With a text file smtpd keeps the state at the start of its
  # session, and would refuse newer addresses over a session that a peer reuses.
  database = "/etc/postfix/addresses.sqlite";
  table = name: "sqlite:/etc/postfix/${name}.cf";
  query = sql: ''
    dbpath = ${database}
    query = ${sql}
  '';

  command = name: script: {
    environment.etc."classic/${name}" = {
      mode = "0755";
      text = "#!/bin/sh\nset -eu\n${script}";
    };
    systemd.tmpfiles.settings."10-classic"."/usr/local/bin/${name}"."L+".argument =
      "/etc/classic/${name}";
  };
in
lib.mkMerge [
  (command "mailuser" ''
    echo "$1@${domain}:{PLAIN}$2" >> ${users}
    sqlite3 ${database} "INSERT INTO mailboxes VALUES ('$1@${domain}')"
  '')
  (command "mailforward" ''
    sqlite3 ${database} "INSERT INTO forwards VALUES ('$1@${domain}', '$2')"
  '')
  (command "mailzone" ''
    echo "${domain}. 3600 IN A ${address.ipv4}"
    echo "${domain}. 3600 IN AAAA ${address.ipv6}"
    echo "${domain}. 3600 IN MX 10 ${domain}."
    echo '${domain}. 3600 IN TXT "v=spf1 mx -all"'
    echo '_dmarc.${domain}. 3600 IN TXT "v=DMARC1; p=none"'
    echo "${dkim.selector}._domainkey.${domain}. 3600 IN TXT $(grep -o '"[^"]*"' ${dkim.directory}/${dkim.selector}.txt | tr '\n' ' ')"
  '')
  {
    services.postfix = {
      enable = true;
      enableSubmission = true;
      enableSubmissions = true;
      submissionOptions = submission;
      submissionsOptions = submission;
      settings.main = {
        myhostname = domain;
        mydestination = "localhost";
        mynetworks = [
          "127.0.0.0/8"
          "[::1]/128"
        ];
        virtual_mailbox_domains = domain;
        virtual_mailbox_maps = table "mailboxes";
        virtual_alias_maps = table "forwards";
        virtual_transport = "lmtp:unix:private/dovecot-lmtp";
        message_size_limit = 52428800;
        smtpd_tls_chain_files = [
          keyFile
          certificateFile
        ];
        smtpd_tls_security_level = "may";
        smtp_tls_security_level = "may";
        smtpd_sasl_type = "dovecot";
        smtpd_sasl_path = "private/auth";
        smtpd_milters = dkim.milter;
        non_smtpd_milters = dkim.milter;
        # relays accept a bounce only with a DKIM signature
        internal_mail_filter_classes = "bounce";
        # relays refuse unsigned mail: defer a message that cannot be signed now
        milter_default_action = "tempfail";
        maximal_queue_lifetime = "1h";
        minimal_backoff_time = "10s";
        maximal_backoff_time = "60s";
        queue_run_delay = "10s";
      };
    };

    environment.etc."postfix/mailboxes.cf".text =
      query "SELECT address FROM mailboxes WHERE address = '%s'";
    environment.etc."postfix/forwards.cf".text =
      query "SELECT destination FROM forwards WHERE address = '%s'";
    systemd.services.addresses = {
      description = "Addresses of the mail server";
      wantedBy = [ "multi-user.target" ];
      before = [ "postfix.service" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      script = ''
        sqlite3 ${database} "CREATE TABLE IF NOT EXISTS mailboxes (address TEXT PRIMARY KEY);
          CREATE TABLE IF NOT EXISTS forwards (address TEXT PRIMARY KEY, destination TEXT)"
      '';
    };

    services.dovecot2 = {
      enable = true;
      settings = {
        dovecot_config_version = "2.4.1";
        dovecot_storage_version = "2.4.0";
        protocols = [
          "imap"
          "lmtp"
        ];
        mail_driver = "maildir";
        mail_path = "${mailboxes}/%{user}";
        mail_uid = "vmail";
        mail_gid = "vmail";
        first_valid_uid = 1;
        ssl = "required";
        ssl_server_cert_file = certificateFile;
        ssl_server_key_file = keyFile;
        "passdb passwd-file".passwd_file_path = users;
        "userdb static".fields = {
          uid = "vmail";
          gid = "vmail";
          home = "${mailboxes}/%{user}";
        };
        "service auth"."unix_listener ${queue}/auth" = {
          mode = "0660";
          user = "postfix";
          group = "postfix";
        };
        "service lmtp"."unix_listener ${queue}/dovecot-lmtp" = {
          mode = "0600";
          user = "postfix";
        };
      };
    };
    systemd.services.dovecot = {
      requires = [ "postfix-setup.service" ];
      after = [ "postfix-setup.service" ];
    };

    environment.etc."opendkim.conf".text = ''
      Domain ${domain}
      Selector ${dkim.selector}
      KeyFile ${dkim.directory}/${dkim.selector}.private
      Socket inet:8891@127.0.0.1
      Canonicalization relaxed/simple
      Mode sv
      UserID opendkim
      Syslog yes
      OversignHeaders From
      ResolverConfiguration /etc/opendkim-resolver.conf
    '';
    # its resolver, libunbound, answers .test as empty by default (RFC 6761)
    environment.etc."opendkim-resolver.conf".text = ''
      server:
        local-zone: "test." nodefault
        module-config: "iterator"
      forward-zone:
        name: "."
      ${lib.concatMapStringsSep "\n" (server: "  forward-addr: ${server}") nameServers}
    '';
    systemd.services.opendkim = {
      description = "OpenDKIM";
      wantedBy = [ "multi-user.target" ];
      before = [ "postfix.service" ];
      after = [ "network.target" ];
      preStart = ''
        test -s ${dkim.directory}/${dkim.selector}.private ||
          opendkim-genkey -b 2048 -d ${domain} -s ${dkim.selector} -D ${dkim.directory}
      '';
      # its resolver's parser is not thread-safe, see ../preload
      environment.LD_PRELOAD = "/usr/lib/chatmail/one-parser.so";
      serviceConfig = {
        ExecStart = "/usr/sbin/opendkim -f -x /etc/opendkim.conf";
        User = "opendkim";
        StateDirectory = "opendkim";
        StateDirectoryMode = "0700";
        RuntimeDirectory = "opendkim";
        # as in Debian's own unit
        Restart = "on-failure";
      };
    };

    users.users.vmail = {
      isSystemUser = true;
      group = "vmail";
    };
    users.groups.vmail = { };
    systemd.tmpfiles.settings."10-classic" = {
      ${mailboxes}.d = {
        user = "vmail";
        group = "vmail";
        mode = "0700";
      };
    }
    // {
      ${users}.f.mode = "0644";
    };
  }
]
