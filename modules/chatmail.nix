# The NixOS module: the description in ./chatmail, plus what only a whole NixOS machine has
# (packages, certificates by ACME, firewall, kernel settings).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf mkMerge;
  cfg = config.services.chatmail;

  chatmaild =
    if cfg.package != null then cfg.package else pkgs.callPackage ../pkgs/chatmaild { };
  instantIdle = pkgs.callPackage ../pkgs/instant-idle { };

  description = import ./chatmail/description.nix {
    inherit lib cfg;
    programs = {
      chatmaild = lib.getExe' chatmaild "chatmaild";
      instantIdle = "${instantIdle}/lib/instant-idle.so";
      openssl = lib.getExe pkgs.openssl;
      shell = pkgs.runtimeShell;
      systemctl = lib.getExe' config.systemd.package "systemctl";
      www = null;
    };
  };
  inherit (description) settings;
in
{
  options.services.chatmail = import ./chatmail/options.nix { inherit lib; };

  config = mkIf cfg.enable (
    mkMerge (
      description.config
      ++ [
        {
          inherit (description) assertions;
          environment.systemPackages = [ chatmaild ];
          # Dovecot 2.4 whatever the age of the machine
          services.dovecot2.package = mkDefault pkgs.dovecot;

          # the settings file is checked by its reader before a machine boots with it
          system.checks = [
            (pkgs.runCommand "chatmail-settings-check" { } ''
              ${lib.getExe' chatmaild "chatmaild"} check-settings ${
                pkgs.writeText "settings.json" (builtins.toJSON settings)
              }
              touch $out
            '')
          ];
        }
      ]
    )
  );
}
