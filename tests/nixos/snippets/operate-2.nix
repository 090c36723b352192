# From docs/operate.md.
{
  services.chatmail.monitoring.enable = true;
}
