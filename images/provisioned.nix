# A machine that is set up by one file: it boots without a domain, reads `chatmail.toml`, and makes itself the relay of
# the domain that is written there. The prepared relays below are whole systems for a placeholder domain; rewriting
# them takes neither a network nor nixpkgs nor the memory that evaluating a NixOS system takes (see
# pkgs/chatmail-nixos/src/chatmail_nixos/provision).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.chatmailImage;
  packages = (import ../modules/chatmail-nixos/packages.nix { inherit config pkgs; }).relay;
  program = lib.getExe packages.chatmail-nixos;

  # reserved names (RFC 2606), which therefore stand nowhere else
  placeholder = "relay.placeholder.invalid";
  placeholderContact = "operator@contact.invalid";

  # what the rewriting must know about a prepared relay
  template =
    relay:
    let
      settings = builtins.fromJSON relay.environment.etc."chatmail/settings.json".text;
    in
    builtins.toJSON {
      inherit placeholder;
      contact = placeholderContact;
      pages = if relay.services.chatmail.web.enable then "chatmail-pages-${placeholder}" else null;
      page_builder = lib.getExe packages.chatmail-www;
      settings = pkgs.writeText "pages.json" (
        builtins.toJSON (
          import ../modules/chatmail/pages.nix {
            cfg = relay.services.chatmail;
            inherit settings;
          }
        )
      );
    };

  prepared =
    contact:
    { config, ... }:
    {
      services.chatmail = {
        enable = true;
        domain = placeholder;
        web.contact.mail = contact;
        autoUpgrade.card = cfg.card;
      };
      # the file says so, and docs/raspberry-pi.md
      security.acme.acceptTerms = true;
      environment.etc."chatmail-template.json".text = template config;
      systemd = {
        services.chatmail-order-certificate = {
          description = "Order the certificate as soon as DNS is right";
          path = [ config.systemd.package ];
          serviceConfig = {
            Type = "oneshot";
            ExecStart = "${program} order-certificate";
          };
        };
        timers.chatmail-order-certificate = {
          wantedBy = [ "timers.target" ];
          timerConfig = {
            OnActiveSec = "1min";
            OnUnitInactiveSec = "2min";
          };
        };
        # instead of which a card has the above, which is quicker and remembers what failed
        timers.chatmail-retry-order.enable = false;
      };
    };
in
{
  imports = [ ../modules/chatmail.nix ];

  options.chatmailImage = {
    card = lib.mkOption {
      type = lib.types.path;
      example = "/boot/firmware/chatmail.toml";
      description = "File that says which relay this machine is.";
    };
    pagePort = lib.mkOption {
      type = lib.types.port;
      default = 8080;
      description = "TCP port of the page that shows how the set-up is going, to the local network alone.";
    };
  };

  config = {
    specialisation = {
      relay.configuration = prepared null;
      relay-with-contact.configuration = prepared placeholderContact;
    };

    systemd.services = {
      chatmail-provision = {
        description = "Set-up of the relay from ${baseNameOf cfg.card}";
        wantedBy = [ "multi-user.target" ];
        unitConfig.RequiresMountsFor = dirOf cfg.card;
        # it makes the switch that would restart it
        restartIfChanged = false;
        stopIfChanged = false;
        path = [
          config.nix.package
          config.systemd.package
        ]
        # a package set that was cut down to evaluate images has no wireless tools
        ++ lib.optional (pkgs ? iw) pkgs.iw;
        serviceConfig = {
          # a target that is still being reached would wait for the switch, and the switch for the target
          Type = "exec";
          ExecStart = "${program} provision --card ${cfg.card}";
          RuntimeDirectory = "chatmail-provision";
          RuntimeDirectoryPreserve = true;
          StateDirectory = "chatmail-provision";
        };
      };

      chatmail-show = {
        description = "What to do next, on the screen and on a local page";
        wantedBy = [ "multi-user.target" ];
        conflicts = [ "getty@tty1.service" ];
        path = [
          pkgs.iproute2
          # `chatmail dns` of whichever relay runs
          "/run/current-system/sw"
        ];
        serviceConfig = {
          ExecStart = "${program} show --port ${toString cfg.pagePort}";
          Restart = "always";
          StandardOutput = "tty";
          TTYPath = "/dev/tty1";
          StandardError = "journal";
        };
      };

      # the first screen belongs to the above; Alt-F2 logs in
      "getty@tty1".enable = false;
      "autovt@tty1".enable = false;
    };

    networking.firewall.allowedTCPPorts = [ cfg.pagePort ];
    services.openssh = {
      enable = true;
      settings = {
        PasswordAuthentication = false;
        PermitRootLogin = "prohibit-password";
      };
      authorizedKeysFiles = [ "/var/lib/chatmail-provision/authorized_keys/%u" ];
    };
  };
}
