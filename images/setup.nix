# A machine that is set up from one file: it boots without a domain, reads `chatmail.toml`, and becomes the relay of the
# domain in it. The two prepared relays below are complete systems for a placeholder domain. pkgs/chatmail-setup rewrites
# one of them, which needs neither a network nor nixpkgs, and less memory than the evaluation of a system.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.chatmailImage;
  packages = (import ../modules/chatmail-nixos/packages.nix { inherit config pkgs; }).relay;
  program = lib.getExe packages.chatmail-setup;

  files = lib.escapeShellArgs (
    lib.concatMap (file: [
      "--file"
      file
    ]) cfg.setupFiles
  );

  # reserved names (RFC 2606): no other text contains them
  placeholder = "relay.placeholder.invalid";
  placeholderContact = "operator@contact.invalid";

  # etc/chatmail-template.json of a prepared relay: what the program must know to rewrite it
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
          import ../modules/chatmail/web/pages.nix {
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
        # an upgrade builds a newer image, and needs the relay of the same file
        autoUpgrade.adapter = pkgs.writeShellScript "chatmail-setup-adapt" ''
          exec ${program} adapt ${files} "$1"
        '';
      };
      # docs/install/raspberry-pi.md says that writing the domain accepts the terms
      security.acme.acceptTerms = true;
      environment.etc."chatmail-template.json".text = template config;
      systemd = {
        services.chatmail-order-certificate = {
          description = "Order of the certificate, once DNS is right";
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
        # the timer above orders earlier, and spaces failed orders
        timers.chatmail-retry-order.enable = false;
      };
    };
in
{
  imports = [ ../modules/chatmail.nix ];

  options.chatmailImage = {
    setupFiles = lib.mkOption {
      type = lib.types.nonEmptyListOf lib.types.path;
      example = [ "/boot/firmware/chatmail.toml" ];
      description = "Places of chatmail.toml; the first that exists is read.";
    };
    screen = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether the first screen shows what to do next, as the page does.";
    };
    pagePort = lib.mkOption {
      type = lib.types.port;
      default = 8080;
      description = "TCP port of the page that shows what to do next, to the local network only.";
    };
  };

  config = {
    specialisation = {
      relay.configuration = prepared null;
      relay-with-contact.configuration = prepared placeholderContact;
    };

    systemd.services = {
      chatmail-setup = {
        description = "Setup of the relay from chatmail.toml";
        wantedBy = [ "multi-user.target" ];
        # cloud-init may write the file
        after = [ "cloud-init.service" ];
        unitConfig.RequiresMountsFor = map dirOf cfg.setupFiles;
        # the service activates the relay, and must survive that
        restartIfChanged = false;
        stopIfChanged = false;
        path = [
          config.nix.package
          config.systemd.package
        ]
        # a reduced package set, for evaluation only, has no wireless tools
        ++ lib.optional (pkgs ? iw) pkgs.iw;
        serviceConfig = {
          # multi-user.target must not wait for the activation, which waits for multi-user.target
          Type = "exec";
          ExecStart = "${program} apply ${files}";
          RuntimeDirectory = "chatmail-setup";
          RuntimeDirectoryPreserve = true;
          StateDirectory = "chatmail-setup";
        };
      };

      chatmail-show = {
        description = "Screen and local page with what to do next";
        wantedBy = [ "multi-user.target" ];
        conflicts = lib.optional cfg.screen "getty@tty1.service";
        path = [
          pkgs.iproute2
          # `chatmail dns` of the running relay
          "/run/current-system/sw"
        ];
        serviceConfig = {
          ExecStart = "${program} show --port ${toString cfg.pagePort}";
          Restart = "always";
          # the screen shows IP addresses, the journal must not
          StandardOutput = if cfg.screen then "tty" else "null";
          StandardError = "journal";
        }
        // lib.optionalAttrs cfg.screen { TTYPath = "/dev/tty1"; };
      };
    }
    # chatmail-show has the first screen; Alt-F2 is for logins
    // lib.optionalAttrs cfg.screen {
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
      authorizedKeysFiles = [ "/var/lib/chatmail-setup/authorized_keys/%u" ];
    };

    # --- an appliance: it can upgrade itself, and has no manuals
    nix = {
      settings.experimental-features = [
        "nix-command"
        "flakes"
      ];
      gc = {
        automatic = lib.mkDefault config.nix.enable;
        options = lib.mkDefault "--delete-older-than 14d";
      };
    };
    boot.tmp.cleanOnBoot = true;
    documentation.enable = lib.mkDefault false;
    programs.command-not-found.enable = lib.mkDefault false;
  };
}
