# From docs/operate/monitoring.md.
{
  services.chatmail.monitoring.enable = true;
}
