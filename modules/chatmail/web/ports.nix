# { lib, settings, ... } -> services.nginx: port 443 shared by web, IMAP and SMTP, and ports 465 and 587 in front of
# Postfix. The protocol follows from the names that the client offers in TLS (ALPN).
{
  lib,
  settings,
  ...
}:
let
  inherit (lib) concatMapStringsSep optional optionalString;
  inherit (settings)
    limits
    network
    ports
    sockets
    tls
    ;
  inherit (import ./capacity.nix settings) zone;
  shared = settings.web.port443 == "shared";
  port = toString;
  # 0.0.0.0 is there in any case, for the machine itself
  everywhere = [ "0.0.0.0" ] ++ optional network.ipv6 "[::]";
  listen =
    number: concatMapStringsSep "\n  " (addr: "listen ${addr}:${port number} backlog=4096;") everywhere;
  passOn = ''
    proxy_connect_timeout 10s;
        tcp_nodelay on;
        error_log stderr emerg;'';
  byProtocol = ''
    ssl_preread on;
        preread_timeout 10s;
        ${passOn}'';
  # longer than Postfix' own timeouts
  submissionTimeout = "proxy_timeout 15m;";
  postfix = "127.0.0.1:${port ports.submissionsInternal}";
  refusing = "/run/nginx/no-protocol.sock";
  fromHttps = "/run/nginx/submissions.sock";
in
{
  services.nginx = {
    # Postfix gets no PROXY protocol, but a pseudonym instead of the IP address, see ./pseudonyms.nix
    streamConfig = ''
      limit_conn_zone $chatmail_network zone=chatmail_port_587:${zone};
      server {
        ${listen ports.submission}
        # beside those that Postfix counts, and answers with 421
        limit_conn chatmail_port_587 ${toString (2 * limits.smtpConnectionsPerIp)};
        proxy_bind $chatmail_pseudonym;
        proxy_pass 127.0.0.1:${port ports.submissionInternal};
        ${passOn}
        ${submissionTimeout}
      }
      # Port 465: Postfix knows no ALPN, and would take a client that offers other protocols alone
      # (RFC 7301 section 3.2). TLS ends in Postfix.
      map $ssl_preread_alpn_protocols $chatmail_submissions {
        "" ${postfix};
        ~(^|,)smtp(,|$) ${postfix};
        default unix:${refusing};
      }
      # a Unix socket has no client IP address
      map $chatmail_submissions $chatmail_submissions_from {
        ${postfix} $chatmail_pseudonym;
        default "";
      }
      limit_conn_zone $chatmail_network zone=chatmail_port_465:${zone};
      server {
        ${listen ports.submissions}
        # clients that have not sent a ClientHello beside those that Postfix counts, and answers with 421
        limit_conn chatmail_port_465 ${toString (2 * limits.smtpConnectionsPerIp)};
        proxy_bind $chatmail_submissions_from;
        proxy_pass $chatmail_submissions;
        ${byProtocol}
        ${submissionTimeout}
      }
      # refuses every ClientHello that comes here with the alert no_application_protocol
      server {
        listen unix:${refusing} ssl;
        ssl_certificate ${tls.certificateFile};
        ssl_certificate_key ${tls.keyFile};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_alpn smtp;
        ssl_handshake_timeout 10s;
        error_log stderr emerg;
        return "";
      }
    ''
    + optionalString shared ''
      map $ssl_preread_alpn_protocols $chatmail_service {
        ~(^|,)smtp(,|$) unix:${fromHttps};
        ~(^|,)imap(,|$) $chatmail_imap;
        default unix:${sockets.https};
      }
      # the PROXY protocol names two IP addresses of one family
      map $binary_remote_addr $chatmail_imap {
        ${optionalString network.ipv6 "\"~(?s)^.{16}$\" [::1]:${port ports.imapsFromHttps};"}
        default 127.0.0.1:${port ports.imapsFromHttps};
      }
      limit_conn_zone $chatmail_network zone=chatmail_port_443:${zone};
      server {
        ${listen ports.https}
        # counted before the ClientHello, hence for IMAP, SMTP and web together
        limit_conn chatmail_port_443 ${toString limits.port443ConnectionsPerIp};
        ssl_preread on;
        preread_timeout 10s;
        # the connection goes on in the server that listens there, with its IP address and without a second socket
        pass $chatmail_service;
        error_log stderr emerg;
      }
      # IMAP from port 443
      server {
        listen 127.0.0.1:${port ports.imapsFromHttps};
        ${optionalString network.ipv6 "listen [::1]:${port ports.imapsFromHttps};"}
        proxy_pass 127.0.0.1:${port ports.imapsInternal};
        proxy_protocol on;
        ${passOn}
        # an IMAP client may be idle for 29 minutes (RFC 2177)
        proxy_timeout 1h;
      }
      # SMTP from port 443: the IP address is not passed on
      server {
        listen unix:${fromHttps};
        proxy_bind $chatmail_pseudonym;
        proxy_pass ${postfix};
        ${passOn}
        ${submissionTimeout}
      }
    '';
  };
}
