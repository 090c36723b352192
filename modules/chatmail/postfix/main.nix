# { lib, settings, ... } -> services.postfix: main.cf, that is who may send what to whom, and how it travels.
# Over 150 lines: one configuration file of one daemon.
{
  lib,
  settings,
  changed,
  ...
}:
let
  inherit (lib)
    concatMapStringsSep
    concatStringsSep
    mapAttrs
    mkDefault
    optional
    ;
  inherit (settings)
    domain
    mail
    mailDomain
    network
    ports
    sockets
    ;
  port = toString;

  # a lookup table written in place; `$` is Postfix' own, hence doubled
  inline =
    rules: "regexp:{${concatMapStringsSep ", " (rule: "{${rule.pattern} ${rule.action}}") rules}}";
  rule = pattern: action: { inherit pattern action; };

  # how Postfix signs its trace headers, as a regular expression
  postfixed = "${builtins.replaceStrings [ "." ] [ "[.]" ] settings.hostName} [(]Postfix[)]";

  # what our own trace header becomes
  received = "Received: by ${settings.hostName} (Postfix) with $$1 id $$2;$$3";

  # no account can have this name; see smtpd_command_filter
  verifyAddress = "${settings.accounts.nobody}@${mailDomain}";

  verify = rule "/^VRFY[[:space:]].*/" "VRFY ${verifyAddress}";

  # Replaces the name in EHLO of a client that logs in (RFC 2606). Below are the valid names, as regular
  # expressions (RFC 5321 section 4.1.3; host names may have underscores, as Postfix allows them).
  clientName = "client.invalid";
  hostName =
    let
      label = "[[:alnum:]_]([[:alnum:]_-]{0,61}[[:alnum:]_])?";
    in
    "${label}([.]${label})+[.]?";
  ipv4 =
    let
      byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    in
    "${byte}([.]${byte}){3}";
  ipv6 =
    let
      group = "[[:xdigit:]]{1,4}";
      groups = n: "${group}(:${group}){${n}}";
    in
    "(${groups "7"}|(${groups "0,6"})?::(${groups "0,6"}|(${group}:){0,5}${ipv4})?)";

  public = import ./public-addresses.nix { inherit lib; };

  # a domain literal of our own is `local' to Postfix, whatever the domain lists say
  literal = mailDomain != domain;
  delivery = "lmtp:unix:${sockets.lmtp}";
in
{
  services.postfix = {
    enable = true;
    # nobody has a mailbox here but the addresses of the relay
    postmasterAlias = mkDefault "";

    settings.main = mapAttrs (_: mkDefault) (
      {
        # --- who we are
        myhostname = settings.hostName;
        myorigin = mailDomain;
        mydestination = "";
        smtp_helo_name = mailDomain;
        # These have no connection limits, and no other rights. Other IP addresses of 127.0.0.0/8
        # are pseudonyms of clients, see ../web/pseudonyms.nix.
        mynetworks = [ "127.0.0.1/32" ] ++ optional network.ipv6 "[::1]/128";
        smtpd_banner = "${settings.hostName} ESMTP";
        alias_maps = "";
        alias_database = "";
        local_header_rewrite_clients = "";
        append_dot_mydomain = false;
        allow_percent_hack = false;
        swap_bangpath = false;
        recipient_delimiter = "+";
        # a local part may begin with a hyphen; nothing here hands it to a program as an option
        allow_min_user = true;
        biff = false;
        # root's cron mail would have nowhere to go
        notify_classes = "";
        authorized_submit_users = "root";
        enable_long_queue_ids = true;
        # Postfix' default, and what the unit below preloads
        import_environment = [
          "MAIL_CONFIG"
          "MAIL_DEBUG"
          "MAIL_LOGTAG"
          "TZ"
          "XAUTHORITY"
          "DISPLAY"
          "LANG=C"
          "POSTLOG_SERVICE"
          "POSTLOG_HOSTNAME"
          "LD_PRELOAD"
        ];

        # --- where mail goes
        virtual_transport = delivery;
        transport_maps = [
          # our own addresses
          "socketmap:unix:${sockets.transports}:transport"
          # By SMTP alone: a session that had to do without TLS would be found again by the first of several next hops,
          # which is the gateway for most domains; see smtp_tls_policy_maps. The operator may block it as any other.
          "pipemap:{${
            inline [ (rule "/@nauta\\.cu$$/" "any@nauta.cu") ]
          },socketmap:unix:${sockets.destinations}:smtp-alone}"
          # all others: the gateway to HTTPS delivery and the peer's own hosts, in the better order
          "socketmap:unix:${sockets.destinations}:destinations"
        ];

        # Senders choose the destination: no record may lead to a private network. An address literal has no record,
        # the map of destinations refuses it. The service is asked about every record but those below.
        smtp_dns_reply_filter = "pipemap:{${
          inline [
            (rule "if !/^[^ ]+ [0-9]+ IN (MX [0-9]+ [^ ]+|A ${public.ipv4}|AAAA ${public.ipv6})$$/" "")
            (rule "/^(.*)$$/" "$$1")
            (rule "endif" "")
          ]
        },socketmap:unix:${sockets.destinations}:dns-replies}";

        # --- limits
        message_size_limit = mail.maxMessageBytes;
        mailbox_size_limit = 0;
        virtual_mailbox_limit = 0;
        smtpd_recipient_limit = mail.maxRecipients;
        smtpd_client_connection_count_limit = settings.limits.smtpConnectionsPerIp;
        # a customer gets at least a /64 (RFC 6177)
        smtpd_client_ipv6_prefix_length = 64;
        maximal_queue_lifetime = "${toString mail.bounceAfterDays}d";
        bounce_queue_lifetime = "${toString mail.bounceAfterDays}d";
        # retry within a minute after a service of ours is back
        queue_run_delay = "30s";
        # An smtpd without Dovecot exits; the default delays the next one by a minute.
        service_throttle_time = "1s";
        minimal_backoff_time = "30s";
        maximal_backoff_time = "30m";
        # Each message takes a cleanup and an lmtp process; a new one costs as much CPU time as ten messages
        # (docs/performance/README.md).
        max_use = 1000;
        # do not slow down input while delivery is behind
        in_flow_delay = "0s";
        # One transaction for all local recipients of a message: Dovecot stores the body once, and links it. Without
        # pkgs/preload/plugins/each-reply.c, a kill in it doubles the message for all of them.
        lmtp_destination_recipient_limit = if changed.eachReply then 1000 else 50;
        # one slow or dead peer takes a few of the delivery agents, never all
        default_destination_concurrency_limit = 20;
        smtp_connect_timeout = "15s";
        smtp_helo_timeout = "60s";
        # unknown domains share a small pool: senders can name any number of domains that never answer
        "smtp-new_destination_concurrency_limit" = 2;
        "smtp-new_initial_destination_concurrency" = 2;

        # --- every entrance (RFC 5321)
        smtpd_helo_required = true;
        # a name for the client would cost a DNS look-up before every greeting
        smtpd_peername_lookup = false;
        smtpd_relay_restrictions = "reject_unauth_destination";
        # the filter knows which accounts exist and refuses the others at RCPT
        smtpd_reject_unlisted_recipient = false;
        smtpd_recipient_restrictions = "";
        # VRFY answers 252 for every address, existing or not (RFC 5321 section 3.5.3)
        smtpd_command_filter = inline [ verify ];
        # a queue file holds the client's name in EHLO: all clients get the same name
        submission_command_filter = inline (
          [
            verify
            (rule "if /^(EHLO|HELO)[[:space:]]/" "")
            # not a name, refused below
            (rule "/^([[:alpha:]]+[[:space:]]+[0-9.]+[[:space:]]*)$$/" "$$1")
          ]
          ++ map (name: rule "/^([[:alpha:]]+)[[:space:]]+${name}[[:space:]]*$$/" "$$1 ${clientName}") [
            hostName
            "[[]${ipv4}[]]"
            "[[]IPv6:${ipv6}[]]"
          ]
          ++ [ (rule "endif" "") ]
        );
        # delivery reports would tell strangers more than they need, ETRN is of no use
        smtpd_discard_ehlo_keywords = "silent-discard, dsn, etrn";
        smtpd_forbid_bare_newline = "reject";
        smtpd_forbid_bare_newline_exclusions = "";
        smtpd_forbid_unauth_pipelining = true;
        smtpd_sasl_type = "dovecot";
        smtpd_sasl_path = sockets.auth;
        smtpd_sasl_security_options = "noanonymous";
        # an address sends as itself and as nobody else
        smtpd_sender_login_maps = inline [ (rule "/^(.*)$$/" "$$1") ];
        # one question that is always answered, whoever the client is
        accounts_answer = "pipemap:{static:${verifyAddress},socketmap:unix:${sockets.transports}:transport,static:DUNNO}";
        submission_helo_restrictions = concatStringsSep " " [
          "permit_mynetworks"
          "reject_invalid_helo_hostname"
          "reject_non_fqdn_helo_hostname"
          # refuses any name that was not replaced, even a valid one
          "check_helo_access,inline:{${clientName}=OK}"
          "reject"
        ];

        # --- TLS, in
        smtpd_tls_chain_files = [
          settings.tls.keyFile
          settings.tls.certificateFile
        ];
        smtpd_tls_security_level = "encrypt";
        smtpd_tls_mandatory_protocols = ">=TLSv1.2";
        smtpd_tls_protocols = ">=TLSv1.2";
        smtpd_tls_auth_only = true;
        smtpd_tls_loglevel = "0";

        # --- TLS, out: always encrypted, the certificate always checked
        smtp_tls_security_level = "verify";
        smtp_tls_mandatory_protocols = ">=TLSv1.2";
        smtp_tls_CAfile = "/etc/ssl/certs/ca-certificates.crt";
        smtp_tls_loglevel = "0";
        smtp_tls_policy_maps = inline [
          # Our own gateway to HTTPS delivery, which offers no TLS. With `none', its sessions are the only ones that
          # Postfix finds again by the first of several next hops, whoever that is: it would take one for the peer's
          # own, and then knock at the peer's addresses on the gateway's port.
          (rule "/^\\[127\\.0\\.0\\.1\\]:${port ports.transportSmtp}$$/" "may")
          # no certificate can be had for these
          (rule "/^\\[.*\\]/" "encrypt")
          (rule "/^_/" "encrypt")
          # a whole country's mail, without TLS
          (rule "/^nauta\\.cu$$/" "may")
        ];
        # a second message within half a minute needs no handshake
        smtp_tls_connection_reuse = true;
        smtp_connection_cache_destinations = "static:all";
        smtp_connection_cache_time_limit = "30s";
        connection_cache_ttl_limit = "30s";

        # --- what is in a message is the sender's; what is around it goes
        # parsing MIME would cost time, converting it would break signatures
        disable_mime_input_processing = true;
        disable_mime_output_conversion = true;
        # A line that Postfix breaks is no longer what was signed. RFC 5321 section 4.5.3.1.6 asks servers to take
        # longer lines where they can.
        smtp_line_length_limit = 0;
        lmtp_line_length_limit = 0;
        # our own Received, without the client's name and address
        header_checks = inline [
          (rule "/^Received: from .*[[:space:]]by ${postfixed} with ([A-Z0-9]+) id ([0-9A-Za-z]+).*;(.*)$$/" "REPLACE ${received}")
        ];
        smtp_header_checks = inline [ (rule "/^Received:/" "IGNORE") ];
        lmtp_header_checks = inline [
          (rule "/^(Received|DKIM-Signature|Authentication-Results):/" "IGNORE")
        ];

        # --- our own rules: see chatmaild's filter
        smtpd_milters = "unix:${sockets.milter}";
        submission_milters = "unix:${sockets.milterSubmission}";
        non_smtpd_milters = "unix:${sockets.milter}";
        internal_mail_filter_classes = "bounce";
        # A session cannot get another filter. `tempfail' would answer 451 to each command; 421 ends the session, and
        # the client reconnects.
        milter_default_action = "shutdown";
        milter_protocol = "6";
        # what no smtpd took in was made here
        milter_macro_daemon_name = "bounce";
      }
      # without IPv4 it still has the loopback address, on which our services are
      // lib.optionalAttrs (!network.ipv6) { inet_protocols = "ipv4"; }
      // (
        if literal then
          {
            proxy_interfaces = domain;
            local_transport = delivery;
            local_recipient_maps = "socketmap:unix:${sockets.recipients}:recipients";
          }
        else
          {
            # Postfix takes an address literal of the machine, and loopback, for local: nobody has a mailbox there
            local_transport = "error:5.1.1 User unknown";
            local_recipient_maps = inline [ (rule "/^$$/" "nobody") ];
            virtual_mailbox_domains = mailDomain;
            virtual_mailbox_maps = "socketmap:unix:${sockets.recipients}:recipients";
          }
      )
    );
  };
}
