# Prometheus and Grafana on this machine, with our alert rules and dashboard (pkgs/chatmail-monitoring).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf;
  cfg = config.services.chatmail;
  inherit (cfg.monitoring) metrics;
  inherit ((import ./packages.nix { inherit config pkgs; }).relay) chatmail-monitoring;
  files = "${chatmail-monitoring}/share/chatmail-monitoring";

  # where this machine itself reaches the page
  address =
    {
      "0.0.0.0" = "127.0.0.1";
      "::" = "[::1]";
    }
    .${metrics.address}
      or (if lib.hasInfix ":" metrics.address then "[${metrics.address}]" else metrics.address);
  hasToken = metrics.tokenFile != null;
  credential = "chatmail-metrics-token";

  secretKey = "${config.services.grafana.dataDir}/chatmail-secret-key";
  password = "${config.services.grafana.dataDir}/chatmail-admin-password";
in
{
  config = mkIf (cfg.enable && cfg.monitoring.enable) {
    services.chatmail.monitoring.metrics.enable = mkDefault true;

    services.prometheus = {
      enable = true;
      listenAddress = mkDefault "127.0.0.1";
      retentionTime = mkDefault "90d";
      ruleFiles = [ "${files}/alerts.json" ];
      scrapeConfigs = [
        (
          {
            job_name = "chatmail";
            scrape_interval = "15s";
            static_configs = [
              {
                targets = [ "${address}:${toString metrics.port}" ];
                # each machine of a cluster has its own numbers
                labels.instance =
                  lib.optionalString (cfg.cluster.machine != null) "${cfg.cluster.machine}." + cfg.domain;
              }
            ];
          }
          // lib.optionalAttrs hasToken {
            authorization.credentials_file = "/run/credentials/prometheus.service/${credential}";
          }
        )
      ];
      # the token is not there while the system is built
      checkConfig = mkIf hasToken (mkDefault "syntax-only");
    };
    systemd.services.prometheus.serviceConfig = mkIf hasToken {
      LoadCredential = "${credential}:${metrics.tokenFile}";
    };

    services.grafana = {
      enable = true;
      settings = {
        server.http_addr = mkDefault "127.0.0.1";
        analytics.reporting_enabled = mkDefault false;
        analytics.check_for_updates = mkDefault false;
        security = {
          # made at the first start, because a key in the Nix store is no secret
          secret_key = mkDefault "$__file{${secretKey}}";
          # NixOS' default is "admin", for every local process
          admin_password = mkDefault "$__file{${password}}";
        };
      };
      provision = {
        enable = true;
        datasources.settings.datasources = [
          {
            name = "Prometheus";
            type = "prometheus";
            url = "http://127.0.0.1:${toString config.services.prometheus.port}";
          }
        ];
        dashboards.settings.providers = [
          {
            name = "chatmail";
            options.path = "${files}/dashboards";
          }
        ];
      };
    };
    systemd.services.grafana.preStart = lib.mkBefore ''
      for file in ${secretKey} ${password}; do
        if [ ! -s $file ]; then
          (umask 077; head -c 32 /dev/urandom | base64 > $file.new)
          mv $file.new $file
        fi
      done
    '';
  };
}
