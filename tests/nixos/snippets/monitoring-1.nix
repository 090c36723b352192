# From docs/operate/monitoring.md.
{
  services.chatmail.monitoring.metrics.enable = true;
}
