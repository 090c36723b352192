# From docs/install.md.
{
  services.chatmail.web.port443 = "off";
  # the certificate by DNS: https://go-acme.github.io/lego/dns
  security.acme.defaults.dnsProvider = "rfc2136";
  security.acme.defaults.environmentFile = "/root/dns-credentials";
  # clients' addresses, for the limits: what the proxy says, and nobody else
  services.nginx.commonHttpConfig = ''
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
  '';
}
