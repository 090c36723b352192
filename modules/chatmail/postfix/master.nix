# { lib, settings, ... } -> services.postfix: master.cf, that is each ingress and each delivery agent.
# Over 150 lines: one configuration file of one daemon.
{
  lib,
  settings,
  ...
}:
let
  inherit (lib) mapAttrs mkDefault;
  inherit (settings) limits ports sockets;
  port = toString;
  # a domain literal proves its origin by the IP address that it sends from
  literal = settings.mailDomain != settings.domain;

  # smtpd caches address-class lookups for its lifetime, negative ones too. So only the queue manager looks up routes in
  # our services.
  entrance.rewrite_service_name = "rewrite-smtpd";

  # what every entrance for authenticated clients has (RFC 6409, RFC 8314)
  submission = entrance // {
    smtpd_tls_security_level = "encrypt";
    smtpd_tls_mandatory_protocols = ">=TLSv1.3";
    smtpd_sasl_auth_enable = "yes";
    # Without the accounts service the greeting is 451. Postfix would answer 535 to a temporary failure of Dovecot, and
    # clients then ask for another password.
    smtpd_delay_reject = "no";
    smtpd_client_restrictions = "check_client_access,$accounts_answer";
    smtpd_helo_restrictions = "$submission_helo_restrictions";
    smtpd_command_filter = "$submission_command_filter";
    # nginx stands in front, and connects from a loopback address for each network of clients (../web/pseudonyms.nix)
    smtpd_client_event_limit_exceptions = "127.0.0.1";
    smtpd_sender_restrictions = "reject_sender_login_mismatch";
    smtpd_relay_restrictions = "permit_sasl_authenticated,reject";
    smtpd_recipient_restrictions = "permit_sasl_authenticated,reject";
    milter_macro_daemon_name = "submission";
    smtpd_milters = "$submission_milters";
  };
  submissions = submission // {
    smtpd_tls_wrappermode = "yes";
  };

  # Port 25 takes no mail without TLS either, but answers MAIL with 450 where a level of `encrypt' has a 530: servers
  # that come without TLS once, because it failed, would return the mail to its sender (RFC 3207 section 4 has the 530
  # for servers that are closed to the public).
  public = entrance // {
    smtpd_tls_security_level = "may";
    smtpd_delay_reject = "no";
    smtpd_sender_restrictions = "reject_plaintext_session";
    plaintext_reject_code = "450";
    milter_macro_daemon_name = "smtp";
  };
  arguments =
    options:
    lib.concatMap (name: [
      "-o"
      "${name}=${options.${name}}"
    ]) (builtins.attrNames options);
  # A domain literal proves its origin by the IP address that it sends from (docs/mail-rules.md).
  sender = {
    maxproc = mkDefault 500;
  }
  // lib.optionalAttrs literal {
    args = mkDefault (arguments ipv4Only);
  };
  ipv4Only = lib.optionalAttrs literal { inet_protocols = "ipv4"; };
  smtpd = options: {
    type = "inet";
    private = false;
    command = "smtpd";
    maxproc = mkDefault limits.smtpConnections;
    args = mkDefault (arguments options);
  };
in
{
  services.postfix = {
    enableSubmission = true;
    submissionOptions = mapAttrs (_: mkDefault) submission;

    settings.master = {
      smtp_inet = {
        maxproc = mkDefault limits.smtpConnections;
        args = mkDefault (arguments public);
      };
      # from port 587
      submission = {
        name = mkDefault "127.0.0.1:${port ports.submissionInternal}";
        maxproc = mkDefault limits.smtpConnections;
      };
      # from ports 465 and 443
      "127.0.0.1:${port ports.submissionsInternal}" = smtpd submissions;
      # from HTTPS: the Internet, therefore without trust in the loopback address
      "127.0.0.1:${port ports.mxdelivSmtp}" = smtpd (
        entrance
        // {
          milter_macro_daemon_name = "mxdeliv";
          # An HTTP answer is for all recipients, so the filter needs no answer of its own at RCPT. The service in front
          # asks whether one exists, and the copies of the others are returned to the sender.
          smtpd_milters = "$submission_milters";
          smtpd_tls_security_level = "none";
          smtpd_client_connection_count_limit = "0";
          # any local process can connect: the service in front is known by a name that it invents at its start
          smtpd_delay_reject = "no";
          smtpd_helo_restrictions = "check_helo_access,socketmap:unix:${sockets.destinations}:greetings,reject";
          reject_code = "450";
          # the service in front tells the IP address of clients at a domain literal (XCLIENT)
          smtpd_authorized_xclient_hosts = "127.0.0.1";
        }
      );
      rewrite-smtpd = {
        command = "trivial-rewrite";
        args = mkDefault (arguments {
          transport_maps = "";
        });
      };
      smtp = sender;
      # first to the gateway for HTTPS delivery, then to the peer itself: the transport map lists both
      smtp-https = sender // {
        command = "smtp";
      };
      # the same for domains that did not answer lately (chatmaild/transport/outbound/standing.py)
      smtp-new = {
        command = "smtp";
        maxproc = mkDefault 100;
        # A silent server holds an agent for less than a minute. Servers that greet after 30 s are rare,
        # and 5 minutes for the rest are for known ones.
        args = mkDefault (
          arguments (
            ipv4Only
            // {
              smtp_connect_timeout = "10s";
              smtp_helo_timeout = "30s";
              smtp_starttls_timeout = "30s";
              smtp_mail_timeout = "60s";
              smtp_rcpt_timeout = "60s";
              smtp_data_init_timeout = "60s";
            }
          )
        );
      };
      # shares TLS connections between delivery agents
      tlsproxy = {
        command = "tlsproxy";
        maxproc = mkDefault 0;
      };
    };
  };
}
