# chatmail-monitoring: a dashboard for Grafana and alert rules for Prometheus, in share/chatmail-monitoring.
{
  lib,
  # a reduced package set has none; then the rules are not checked
  prometheus ? null,
  runCommand,
}:
let
  # promtool
  hasTool = prometheus ? cli;
in
runCommand "chatmail-monitoring"
  {
    nativeBuildInputs = lib.optional hasTool prometheus.cli;
  }
  ''
    ${lib.optionalString hasTool "promtool check rules ${./alerts.json}"}
    mkdir -p $out/share/chatmail-monitoring/dashboards
    cp ${./alerts.json} $out/share/chatmail-monitoring/alerts.json
    cp ${./dashboard.json} $out/share/chatmail-monitoring/dashboards/chatmail.json
  ''
