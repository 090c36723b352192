# { lib, machine } -> true: the assertions of the NixOS module refuse what does not work together on one machine, with a
# message that names the option and the repair, and nothing else. `machine MODULE` evaluates a machine with the module.
{ lib, machine }:
let
  relay = {
    imports = [ ../../../examples/minimal.nix ];
  };
  failures =
    module:
    map (failed: failed.message) (
      lib.filter (assertion: !assertion.assertion)
        (machine {
          imports = [
            relay
            module
          ];
        }).config.assertions
    );

  # case -> { module; says = part of the message; }
  wrong = {
    "a site that listens on port 443 itself" = {
      module.services.nginx.virtualHosts."site.example" = {
        onlySSL = true;
        sslCertificate = "/x";
        sslCertificateKey = "/x";
        listen = [
          {
            addr = "0.0.0.0";
            port = 443;
            ssl = true;
          }
        ];
      };
      says = ''set port443 to "web-only"'';
    };
    "another web server" = {
      module.services.httpd = {
        enable = true;
        adminAddr = "admin@example.org";
      };
      says = "services.httpd wants the web ports";
    };
    "another mail server" = {
      module.services.opensmtpd = {
        enable = true;
        serverConfiguration = "";
      };
      says = "both answer on port 25";
    };
    "another resolver" = {
      module.services.dnsmasq.enable = true;
      says = "both answer on 127.0.0.1:53";
    };
    "systemd-resolved" = {
      module.services.resolved.enable = true;
      says = "services.resolved.enable is true";
    };
    "an old Dovecot" = {
      module =
        { pkgs, ... }:
        {
          services.dovecot2.package = pkgs.dovecot.overrideAttrs { version = "2.3.21"; };
        };
      says = "services.dovecot2.package is Dovecot 2.3.21";
    };
    "no milter" = {
      module.services.postfix.settings.main.smtpd_milters = "";
      says = "services.postfix.settings.main.smtpd_milters is";
    };
    "Dovecot without LMTP" = {
      module.services.dovecot2.settings.protocols = lib.mkForce [ "imap" ];
      says = ''the relay needs "imap" and "lmtp"'';
    };
    "upgrades without a flake" = {
      module.services.chatmail.autoUpgrade.enable = true;
      says = "services.chatmail.autoUpgrade.flake is not";
    };
    "a binary cache without its key" = {
      module.services.chatmail.binaryCache.url = "https://cache.example.org";
      says = "services.chatmail.binaryCache.publicKey is not";
    };
    "two programs that upgrade" = {
      module = {
        services.chatmail.autoUpgrade = {
          enable = true;
          flake = "/x";
        };
        system.autoUpgrade = {
          enable = true;
          flake = "/x";
        };
      };
      says = "Disable system.autoUpgrade";
    };
    "no domain" = {
      module.services.chatmail.domain = lib.mkForce null;
      says = "services.chatmail.domain = null: a relay needs a name";
    };
    "HTTP-01 without a port" = {
      module.services.chatmail.web.port443 = "off";
      says = "dnsProvider";
    };
  };

  right = {
    "a second milter beside ours".services.postfix.settings.main.smtpd_milters = [
      "unix:/run/chatmail-filter/milter.sock"
      "inet:127.0.0.1:11332"
    ];
    "more protocols of Dovecot, named one by one".services.dovecot2.settings.protocols = {
      imap = true;
      lmtp = true;
      pop3 = true;
    };
    "mail of the machine's own".services.postfix.settings.main.mydestination = [ "host.example.org" ];
    "a site on port 443, which is nginx' own" = {
      services.chatmail.web.port443 = "web-only";
      services.nginx.virtualHosts."site.example" = {
        addSSL = true;
        sslCertificate = "/x";
        sslCertificateKey = "/x";
        listenAddresses = [ "192.0.2.1" ];
      };
    };
  };

  accepted = lib.filterAttrs (
    _: case: !lib.any (lib.hasInfix case.says) (failures case.module)
  ) wrong;
  refused = lib.filterAttrs (_: module: failures module != [ ]) right;
in
if accepted != { } then
  throw "accepted, but must be refused: ${lib.concatStringsSep "; " (lib.attrNames accepted)}"
else if refused != { } then
  throw "refused, but must be accepted: ${
    lib.concatStringsSep "; " (
      lib.mapAttrsToList (name: module: "${name}: ${toString (failures module)}") refused
    )
  }"
else
  true
