# From docs/operate.md.
{
  systemd.services.postfix.environment.LD_PRELOAD = "";
}
