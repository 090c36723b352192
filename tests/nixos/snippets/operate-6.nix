# From docs/operate.md.
{
  services.dovecot2.settings.info_log_path = "syslog";
}
