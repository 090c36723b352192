# { lib, settings, ... } -> services.nginx: port 443 shared by web, IMAP and SMTP, and port 465 in front of Postfix. The
# protocol follows from the names that the client offers in TLS (ALPN).
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
  shared = settings.web.port443 == "shared";
  port = toString;
  networkKey = import ./network-key.nix;
  # 0.0.0.0 is there in any case, for the machine itself
  everywhere = [ "0.0.0.0" ] ++ optional network.ipv6 "[::]";
  listen =
    number: concatMapStringsSep "\n  " (addr: "listen ${addr}:${port number} backlog=4096;") everywhere;
  passOn = ''
    ssl_preread on;
        preread_timeout 10s;
        proxy_connect_timeout 10s;
        proxy_protocol on;
        tcp_nodelay on;
        error_log stderr emerg;'';
  refusing = "/run/nginx/no-protocol.sock";
in
{
  services.nginx = {
    # the protocol is told by the names that the client offers (RFC 7301); PROXY protocol hands on its address
    streamConfig = ''
      ${networkKey}
      # Port 465: Postfix knows no ALPN, and would take a client that offers other protocols alone
      # (RFC 7301 section 3.2). TLS ends in Postfix.
      map $ssl_preread_alpn_protocols $chatmail_submissions {
        "" 127.0.0.1:${port ports.submissionsInternal};
        ~(^|,)smtp(,|$) 127.0.0.1:${port ports.submissionsInternal};
        default unix:${refusing};
      }
      limit_conn_zone $chatmail_network zone=chatmail_port_465:32m;
      server {
        ${listen ports.submissions}
        # clients that have not sent a ClientHello beside those that Postfix counts, and answers with 421
        limit_conn chatmail_port_465 ${toString (2 * limits.smtpConnectionsPerIp)};
        proxy_pass $chatmail_submissions;
        ${passOn}
        # longer than Postfix' own timeouts
        proxy_timeout 15m;
      }
      # refuses every ClientHello that comes here with the alert no_application_protocol
      server {
        listen unix:${refusing} ssl proxy_protocol;
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
        ~(^|,)smtp(,|$) 127.0.0.1:${port ports.submissionsInternal};
        ~(^|,)imap(,|$) 127.0.0.1:${port ports.imapsInternal};
        default unix:${sockets.https};
      }
      limit_conn_zone $chatmail_network zone=chatmail_port_443:32m;
      server {
        ${listen ports.https}
        # counted before the ClientHello, hence for IMAP, SMTP and web together
        limit_conn chatmail_port_443 ${toString limits.port443ConnectionsPerIp};
        proxy_pass $chatmail_service;
        ${passOn}
        # an IMAP client may be idle for 29 minutes (RFC 2177)
        proxy_timeout 1h;
      }
    '';
  };
}
