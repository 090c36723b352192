# Unattended upgrades that cannot leave the relay broken: build, try out, health gate, adopt or return.
# How: pkgs/chatmail-nixos/src/chatmail_nixos/upgrade.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf;
  cfg = config.services.chatmail;
  upgrade = cfg.autoUpgrade;
  package = (import ./packages.nix { inherit config pkgs; }).relay.chatmail-nixos;
  program = lib.getExe package;
  arguments = lib.escapeShellArgs (
    [
      "--flake"
      upgrade.flake
    ]
    ++ lib.optionals (upgrade.card != null) [
      "--card"
      upgrade.card
    ]
  );
in
{
  options.services.chatmail.autoUpgrade.card = lib.mkOption {
    type = lib.types.nullOr lib.types.path;
    default = null;
    internal = true;
    description = "chatmail.toml of a machine that was set up from a prepared image.";
  };

  config = mkIf (cfg.enable && upgrade.enable) {
    assertions = [
      {
        assertion = upgrade.flake != null;
        message = ''
          services.chatmail.autoUpgrade.enable is set, and services.chatmail.autoUpgrade.flake is not. Give the flake of
          this machine, such as "github:me/relay" (its nixosConfigurations."${config.networking.hostName}" is built).
        '';
      }
      {
        assertion = !config.system.autoUpgrade.enable;
        message = ''
          services.chatmail.autoUpgrade and system.autoUpgrade would upgrade this machine one after the other, the second
          without the health gate. Disable system.autoUpgrade.
        '';
      }
    ];

    # `chatmail-nixos upgrade --candidate SYSTEM` guards an upgrade by hand
    environment.systemPackages = [ package ];

    systemd.services.chatmail-upgrade = {
      description = "Guarded upgrade of the chatmail relay";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      # it must outlive the switch that it makes
      restartIfChanged = false;
      stopIfChanged = false;
      unitConfig.X-StopOnRemoval = false;
      environment = {
        HOME = "/root";
      }
      // config.networking.proxy.envVars;
      path = [
        config.nix.package
        config.systemd.package
        pkgs.coreutils
        pkgs.gitMinimal
        pkgs.gnutar
        pkgs.gzip
        pkgs.xz
      ];
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${program} upgrade ${arguments}";
        # killed in the middle: back to the system that was proven
        ExecStopPost = "${program} settle";
        StateDirectory = "chatmail-upgrade";
        # the mail comes first
        Nice = 10;
        IOSchedulingClass = "idle";
      };
    };

    systemd.timers.chatmail-upgrade = {
      description = "Guarded upgrade of the chatmail relay";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = upgrade.dates;
        Persistent = true;
        # not all relays at once
        RandomizedDelaySec = mkDefault "45min";
      };
    };

    # a small disk must not fill with old systems
    nix.gc = {
      automatic = mkDefault config.nix.enable;
      options = mkDefault "--delete-older-than 14d";
    };
  };
}
