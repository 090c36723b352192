# { pkgs, lib } -> machines of a small Internet below `test.`: a name server, a client, and relays with certificates that
# all of them trust. `script` publishes the relays' zones: publish(dns, {"a.test": a, "b.test": b}).
{ pkgs, lib }:
let
  authority = import ./authority.nix { inherit pkgs; };
  courier = import ./courier.nix { inherit pkgs; };

  # names come from the test's own name server
  resident =
    { nodes, ... }:
    {
      security.pki.certificateFiles = [ authority.ca ];
      networking.nameservers = lib.mkForce [ nodes.dns.networking.primaryIPAddress ];
    };
in
{
  inherit resident;

  dns = {
    networking.firewall.allowedUDPPorts = [ 53 ];
    networking.firewall.allowedTCPPorts = [ 53 ];
    services.unbound = {
      enable = true;
      resolveLocalQueries = false;
      enableRootTrustAnchor = false;
      settings = {
        server = {
          interface = [ "0.0.0.0" ];
          access-control = [ "0.0.0.0/0 allow" ];
          local-zone = [ ''"test." static'' ];
          include = "/var/lib/unbound/zones.conf";
        };
      };
    };
    systemd.tmpfiles.settings.zones."/var/lib/unbound/zones.conf".f = {
      user = "unbound";
      group = "unbound";
    };
  };

  client = {
    imports = [ resident ];
    environment.systemPackages = [
      courier
      courier.suite
    ];
    environment.sessionVariables.SSL_CERT_FILE = "/etc/ssl/certs/ca-certificates.crt";
  };

  relay =
    domain:
    { nodes, ... }:
    {
      imports = [
        ./relay.nix
        resident
      ];
      services.chatmail = {
        inherit domain;
        tls = {
          certificateFile = "${authority.certificate domain}/fullchain.pem";
          keyFile = "${authority.certificate domain}/key.pem";
        };
      };
      networking.nameservers = lib.mkOverride 40 [ "127.0.0.1" ];
      services.unbound.settings = {
        server = {
          local-zone = [ ''"test." nodefault'' ];
          domain-insecure = [ "test" ];
        };
        forward-zone = [
          {
            name = "test";
            forward-addr = nodes.dns.networking.primaryIPAddress;
          }
        ];
      };
    };

  script = builtins.readFile ./zones.py + ''

    def ipv4(machine):
        """The address that other machines know."""
        return machine.succeed("ip -4 -o address show dev eth1 | awk '{print $4}' | cut -d/ -f1").strip()


    def publish(dns, relays, others=()):
        """Let the name server serve the zones that the relays print, and other records."""
        records = list(others)
        for domain, relay in relays.items():
            records += address_records(domain, ipv4=ipv4(relay)) + relay.succeed("chatmail dns").splitlines()
        dns.succeed(f"cat > /var/lib/unbound/zones.conf << 'END'\n{local_data(records)}END")
        dns.succeed("systemctl restart unbound")
        for relay in relays.values():
            relay.succeed("systemctl restart unbound")
  '';
}
