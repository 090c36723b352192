# From docs/operate/monitoring.md.
{
  services.chatmail.monitoring.metrics = {
    enable = true;
    address = "10.0.0.5"; # of a private network or VPN, as the page is not encrypted
    tokenFile = "/var/lib/secrets/metrics-token";
  };
}
