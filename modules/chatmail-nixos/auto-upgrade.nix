# chatmail-upgrade.{service,timer}: unattended upgrades that keep the new system only if mail still works; the program is
# pkgs/chatmail-upgrade.
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
  package = (import ./packages.nix { inherit config pkgs; }).relay.chatmail-upgrade;
  program = lib.getExe package;
  arguments = lib.escapeShellArgs (
    [
      "--flake"
      upgrade.flake
    ]
    ++ lib.optionals (upgrade.adapter != null) [
      "--adapt"
      upgrade.adapter
    ]
  );
  # Fronts upgrade after the stores, because a new one may ask what old stores do not know; and one after the other.
  inherit (cfg.cluster) fronts machine;
  before = lib.lists.findFirstIndex (name: name == machine) 0 (lib.attrNames fronts);
  hour = lib.fixedWidthNumber 2 (5 + lib.mod before 18);
in
{
  options.services.chatmail.autoUpgrade.adapter = lib.mkOption {
    type = lib.types.nullOr lib.types.path;
    default = null;
    internal = true;
    description = ''
      Program that makes this machine's system out of the one that was built. It gets the store path of the built
      system, and prints the store path of the system to activate.
    '';
  };

  config = mkIf (cfg.enable && upgrade.enable) {
    services.chatmail.autoUpgrade.dates = mkIf (fronts ? ${toString machine}) (mkDefault "${hour}:40");

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
          services.chatmail.autoUpgrade and system.autoUpgrade would both upgrade this machine, the second without testing
          the new system. Disable system.autoUpgrade.
        '';
      }
    ];

    # for upgrades by hand: chatmail-upgrade run --candidate SYSTEM
    environment.systemPackages = [ package ];

    systemd.services.chatmail-upgrade = {
      description = "Upgrade of the chatmail relay";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      # the service activates the new system, and must survive that
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
        ExecStart = "${program} run ${arguments}";
        # an upgrade that was killed during its trial
        ExecStopPost = "${program} recover";
        StateDirectory = "chatmail-upgrade";
        # mail comes first
        Nice = 10;
        IOSchedulingClass = "idle";
      };
    };

    systemd.timers.chatmail-upgrade = {
      description = "Upgrade of the chatmail relay";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = upgrade.dates;
        Persistent = true;
        # spreads the load on caches
        RandomizedDelaySec = mkDefault "45min";
      };
    };

    # old systems must not fill a small disk
    nix.gc = {
      automatic = mkDefault config.nix.enable;
      options = mkDefault "--delete-older-than 14d";
    };
  };
}
