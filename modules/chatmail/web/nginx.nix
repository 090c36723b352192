# { lib, settings, programs, bounds, accountsUnit, ... } -> services.nginx: what is not a page of the site (those are in ./site.nix):
# the services of chatmaild behind HTTPS, and mail's well-known files. Ports that it shares with mail are in ./ports.nix.
{
  lib,
  settings,
  programs,
  bounds,
  accountsUnit,
  ...
}:
let
  inherit (lib)
    concatMapStringsSep
    mkDefault
    mkOverride
    optional
    optionalAttrs
    ;
  inherit (settings)
    domain
    limits
    mail
    network
    ports
    sockets
    tls
    ;
  mode = settings.web.port443;
  shared = mode == "shared";
  port = toString;
  inherit (import ./capacity.nix settings) connections zone;
  # A worker takes memory for each of its connections (12 MB for the default limits) when it starts. One has time for
  # tens of thousands of them.
  workers = 1 + connections / 50000;
  # with log files, listening sockets, and request bodies that wait in files; workers inherit the limit of the unit
  openFiles = connections + limits.webConnections + 512;

  # 0.0.0.0 is there in any case, for the machine itself
  everywhere = [ "0.0.0.0" ] ++ optional network.ipv6 "[::]";
  all = port: map (addr: { inherit addr port; }) everywhere;
  internal = {
    ssl = true;
  }
  // (
    if shared then
      # who connects here names the client's IP address: nginx alone
      {
        addr = "unix:${sockets.https}";
        port = null;
      }
    else
      {
        addr = "127.0.0.1";
        port = ports.httpsInternal;
      }
  );
  # `web-only' keeps the listeners of the operator's other virtual hosts; `off' leaves the world to somebody else
  listeners =
    optionalAttrs (mode != "web-only") {
      listen = mkDefault ((if shared then all ports.http else [ ]) ++ [ internal ]);
    }
    # a redirect from HTTP without a listener for HTTP would listen on port 8000 of every address
    // (if mode == "off" then { onlySSL = mkDefault true; } else { forceSSL = mkDefault true; });

  # systemd replaces MAINPID; a $ for the shell is written twice
  stop = lib.concatStringsSep " " [
    "kill -QUIT $MAINPID; tries=30;"
    "while kill -0 $MAINPID 2>/dev/null && test $$tries -gt 0; do sleep 0.1; tries=$$((tries - 1)); done;"
    "kill -TERM $MAINPID 2>/dev/null || true"
  ];

  networkKey = import ./network-key.nix;
  headers = import ./headers.nix { inherit lib settings; };

  host =
    extra:
    listeners
    // {
      sslCertificate = mkDefault tls.certificateFile;
      sslCertificateKey = mkDefault tls.keyFile;
      extraConfig = ''
        # neither who came nor what went wrong for whom
        access_log off;
        error_log stderr emerg;
        limit_conn chatmail_web ${toString limits.webConnectionsPerIp};
        limit_conn_status 503;
        ${headers}
      '';
    }
    // extra;

  # the service tells clients apart by a keyed hash of their address, and forgets it
  accounts = {
    proxyPass = "http://unix:${sockets.web}";
    extraConfig = ''
      client_max_body_size 8k;
      proxy_http_version 1.1;
      proxy_set_header Host ${domain};
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header Connection "";
      # what nginx itself refuses has a reason, too, which Delta Chat shows
      error_page 413 @too-large;
      # 500: it has no connection left to pass the request on
      error_page 500 502 504 =503 @away;
    '';
  };
  refusal = status: reason: {
    return = "${toString status} '{\"reason\": \"${reason}\"}'";
    extraConfig = "default_type application/json;";
  };
  text = type: content: {
    return = "200 \"${content}\"";
    extraConfig = "default_type ${type};";
  };
  # of the virtual hosts below
  names = [
    domain
    "www.${domain}"
    "mta-sts.${domain}"
  ];
  # nginx writes the two bytes of a line end itself
  oneLine = builtins.replaceStrings [ "\r" "\n" ] [ "\\r" "\\n" ];
in
{
  environment.etc."chatmail/autoconfig.xml".text = import ./autoconfig.nix { inherit lib settings; };

  services.nginx = {
    enable = true;
    # mail sessions go on in the old workers after a reload, for an hour at most
    appendConfig = mkDefault ''
      worker_processes ${toString workers};
      worker_shutdown_timeout 1h;
    '';
    eventsConfig = mkDefault ''
      worker_connections ${toString connections};
      multi_accept on;
    '';

    commonHttpConfig = ''
      ${networkKey}
      limit_conn_zone $chatmail_network zone=chatmail_web:${zone};
      limit_conn_zone $chatmail_network zone=chatmail_uploads:${zone};
      limit_conn_zone $server_name zone=chatmail_uploads_all:1m;
      # also where a virtual host has no say yet: before the name of the host is known
      client_header_timeout 10s;
      reset_timedout_connection on;
      # The redirect from port 80 is a server of its own, which takes no extraConfig. Other virtual hosts keep their log.
      map $server_name $chatmail_is_logged {
        default 1;
        ${concatMapStringsSep "\n  " (name: "\"${name}\" 0;") names}
      }
      access_log /var/log/nginx/access.log combined if=$chatmail_is_logged;
      upstream chatmail_mxdeliv {
        server unix:${sockets.mxdeliv};
        keepalive 8;
        # below the 60 s after which the service closes an idle connection
        keepalive_timeout 30s;
      }
    '';

    virtualHosts = {
      ${domain} = host {
        locations = {
          "= /new" = accounts;
          # printed QR codes of older relays
          "= /cgi-bin/newemail.py" = accounts;
          "/account/" = accounts;
          "@too-large" = refusal 413 "The request is too large.";
          "@away" =
            refusal 503 "This relay has too much to do or is being restarted. Please try again in a minute.";

          "= /mxdeliv" = {
            proxyPass = "http://chatmail_mxdeliv";
            # a slow upload waits here, in memory or a file, and not with an smtpd process of Postfix
            extraConfig = ''
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              # A kept connection that the service has closed: on a new one the next process answers. The request is
              # a POST, therefore `non_idempotent'.
              proxy_next_upstream error non_idempotent;
              client_max_body_size ${toString (mail.maxMessageBytes + mail.overheadBytes)};
              # between two reads
              client_body_timeout 20s;
              # as at port 25; peers try 503 again
              limit_conn chatmail_uploads ${toString limits.smtpConnectionsPerIp};
              limit_conn chatmail_uploads_all ${toString limits.smtpConnections};
              error_page 503 @too-many-uploads;
              client_body_buffer_size 128k;
              proxy_read_timeout 75s;
              # what a domain literal proves its origin with, over whatever the peer says
              proxy_set_header X-Real-IP $remote_addr;
            '';
          };

          "@too-many-uploads" = {
            return = "503 '421 4.7.0 Too many connections. Try again later'";
            extraConfig = "default_type text/plain;";
          };

          "= /.well-known/autoconfig/mail/config-v1.1.xml" = {
            alias = "/etc/chatmail/autoconfig.xml";
            extraConfig = ''
              types { }
              default_type application/xml;
            '';
          };
          "= /robots.txt" = text "text/plain" "User-agent: *\\nDisallow: /\\n";
        }
        // optionalAttrs settings.iroh.enable (
          lib.genAttrs
            [
              "/relay"
              "= /ping"
              "= /generate_204"
            ]
            (_: {
              proxyPass = "http://${settings.iroh.host}:${port settings.iroh.port}";
              extraConfig = ''
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $connection_upgrade;
                proxy_read_timeout 1h;
              '';
            })
        );
      };
    }
    // optionalAttrs settings.dkim.enable {
      "www.${domain}" = host { locations."/".return = "301 https://${domain}$request_uri"; };
    }
    // optionalAttrs (settings.dkim.enable && tls.trusted) {
      "mta-sts.${domain}" = host {
        locations."= /.well-known/mta-sts.txt" = text "text/plain" (oneLine settings.mtaSts.policy);
        locations."/".return = "404";
      };
    };
  };

  systemd.services.nginx = {
    wants = [ "${accountsUnit}.service" ];
    # stopped before those whose answers it waits for
    after = [
      "${accountsUnit}.service"
      "chatmail-transport.service"
    ];
    # nobody is there to start it again, should it have been restarted often
    unitConfig.StartLimitIntervalSec = mkOverride 90 0;
    # what is freed after the configuration is read goes back to the system (2 MB), and so do large buffers
    environment = {
      MALLOC_MMAP_THRESHOLD_ = mkDefault "262144";
      MALLOC_TRIM_THRESHOLD_ = mkDefault "1048576";
    };
    serviceConfig = bounds // {
      RemoveIPC = mkDefault true;
      SystemCallFilter = mkDefault [
        "@system-service"
        "~@privileged"
      ];
      UMask = mkDefault "0077";
      LimitNOFILE = mkDefault openFiles;
      # Requests end first: a peer that misses the answer to a message sends it again by another way.
      # Mail sessions that are still open after 3 s are cut.
      KillSignal = mkDefault "SIGQUIT";
      ExecStop = mkDefault "${programs.shell} -c ${lib.escapeShellArg stop}";
    };
  };
}
