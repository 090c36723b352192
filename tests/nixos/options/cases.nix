# { lib } -> OPTION -> { module; holds; }: effects of options on NixOS only. `holds CONFIG` is true for a machine with
# the module, and false for one without it (examples/minimal.nix).
# Options with an effect in the lab, too, are in tests/nix/effects.toml.
{ lib }:
let
  inherit (lib) elem hasInfix;
  tcp = config: config.networking.firewall.allowedTCPPorts;
  udp = config: config.networking.firewall.allowedUDPPorts;
in
{
  enable = {
    module.services.chatmail.enable = lib.mkForce false;
    holds = config: !config.services.postfix.enable && !config.systemd.services ? chatmail-accounts;
  };
  package = {
    module =
      { pkgs, ... }:
      {
        services.chatmail.package = pkgs.writeShellScriptBin "another-chatmaild" "";
      };
    holds =
      config:
      lib.all (unit: hasInfix "another-chatmaild" config.systemd.services.${unit}.serviceConfig.ExecStart)
        [
          "chatmail-accounts"
          "chatmail-expire"
          "chatmail-filter"
          "chatmail-selftest"
          "chatmail-transport"
        ];
  };
  "monitoring.enable" = {
    module.services.chatmail.monitoring.enable = true;
    holds =
      config:
      config.services.prometheus.enable
      && lib.any (hasInfix "alerts.json") config.services.prometheus.ruleFiles
      && config.services.grafana.provision.enable
      && config.systemd.services ? chatmail-metrics;
  };
  openFirewall = {
    module.services.chatmail.openFirewall = false;
    holds = config: tcp config == [ ] && udp config == [ ];
  };
  "web.port443" = {
    module = {
      services.chatmail.web.port443 = "off";
      security.acme.certs."chat.example.org".dnsProvider = "rfc2136";
    };
    holds = config: !elem 80 (tcp config) && !elem 443 (tcp config) && elem 993 (tcp config);
  };
  "turn.enable" = {
    module.services.chatmail.turn.enable = false;
    holds = config: udp config == [ ] && config.networking.firewall.allowedUDPPortRanges == [ ];
  };
  # the certificate has three names and a P-256 key, and is ordered by HTTP-01 (RFC 8555 section 8.3)
  domain = {
    module.services.chatmail.domain = lib.mkForce "other.example.org";
    holds =
      config:
      let
        certificate = config.security.acme.certs."other.example.org" or { };
        wanted = {
          extraDomainNames = [
            "www.other.example.org"
            "mta-sts.other.example.org"
          ];
          keyType = "ec256";
          webroot = "/var/lib/acme/acme-challenge";
          dnsProvider = null;
        };
      in
      builtins.intersectAttrs wanted certificate == wanted && elem 80 (tcp config);
  };
  "tls.mode" = {
    module.services.chatmail.tls.mode = "self-signed";
    holds = config: config.security.acme.certs == { };
  };
  "tls.certificateFile" = {
    module.services.chatmail.tls = {
      certificateFile = "/srv/cert.pem";
      keyFile = "/srv/key.pem";
    };
    holds = config: config.security.acme.certs == { };
  };
  "web.contact.mail" = {
    module = {
      services.chatmail.web.contact.mail = "privacy@example.org";
      security.acme.defaults.email = lib.mkForce null;
    };
    holds = config: config.security.acme.certs."chat.example.org".email == "privacy@example.org";
  };
  "networking.enableIPv6" = {
    module.networking.enableIPv6 = false;
    holds =
      config:
      !config.services.chatmail.ipv6.enable
      && config.services.postfix.settings.main.inet_protocols == "ipv4";
  };

  "autoUpgrade.enable" = {
    module.services.chatmail.autoUpgrade = {
      enable = true;
      flake = "github:example/relay";
    };
    holds =
      config:
      config.systemd.services ? chatmail-upgrade
      && config.systemd.timers ? chatmail-upgrade
      && config.nix.gc.automatic;
  };
  "autoUpgrade.flake" = {
    module.services.chatmail.autoUpgrade = {
      enable = true;
      flake = "github:example/relay#another";
    };
    holds =
      config:
      hasInfix "--flake 'github:example/relay#another'" (
        config.systemd.services.chatmail-upgrade.serviceConfig.ExecStart or ""
      );
  };
  "autoUpgrade.dates" = {
    module.services.chatmail.autoUpgrade = {
      enable = true;
      flake = "github:example/relay";
      dates = "Sun 03:00";
    };
    holds =
      config: (config.systemd.timers.chatmail-upgrade.timerConfig.OnCalendar or null) == "Sun 03:00";
  };
  "autoUpgrade.adapter" = {
    module.services.chatmail.autoUpgrade = {
      enable = true;
      flake = "github:example/relay";
      adapter = "/run/adapt";
    };
    holds =
      config:
      hasInfix "--adapt /run/adapt" (
        config.systemd.services.chatmail-upgrade.serviceConfig.ExecStart or ""
      );
  };
  "binaryCache.url" = {
    module.services.chatmail.binaryCache = {
      url = "https://cache.example.org";
      publicKey = "cache.example.org-1:AAAA";
    };
    holds = config: elem "https://cache.example.org" (config.nix.settings.extra-substituters or [ ]);
  };
  "binaryCache.publicKey" = {
    module.services.chatmail.binaryCache = {
      url = "https://cache.example.org";
      publicKey = "cache.example.org-1:AAAA";
    };
    holds =
      config: elem "cache.example.org-1:AAAA" (config.nix.settings.extra-trusted-public-keys or [ ]);
  };
  "cluster.privateKeyFile" = {
    module.services.chatmail.cluster = {
      machine = "store1";
      fronts.front1 = {
        host = "192.0.2.1";
        publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
      };
      stores.store1 = {
        host = "192.0.2.2";
        publicKey = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
      };
      privateKeyFile = "/run/keys/wireguard";
      secretFile = "/run/keys/cluster";
    };
    holds =
      config:
      (config.networking.wg-quick.interfaces.chatmail.privateKeyFile or null) == "/run/keys/wireguard";
  };
}
