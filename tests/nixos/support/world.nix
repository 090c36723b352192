# { pkgs, lib } -> machines below `test.`: a name server, a client, and relays with certificates that all machines
# trust. `script` defines publish(dns, {"a.test": a, "b.test": b}), which gives the name server the relays' zones.
{ pkgs, lib }:
let
  authority = import ./authority.nix { inherit pkgs; };
  courier = import ./courier.nix { inherit pkgs; };

  # uses the name server and the certificate authority of the test
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
        """The IPv4 address on the network of the test."""
        return machine.succeed("ip -4 -o address show dev eth1 | awk '{print $4}' | cut -d/ -f1").strip()


    def publish(dns, relays, others=()):
        """Make the name server serve the zones of the relays, and `others`."""
        records = list(others)
        for domain, relay in relays.items():
            records += address_records(domain, ipv4=ipv4(relay)) + relay.succeed("chatmail dns").splitlines()
        dns.succeed(f"cat > /var/lib/unbound/zones.conf << 'END'\n{local_data(records)}END")
        dns.succeed("systemctl restart unbound")
        for relay in relays.values():
            relay.succeed("systemctl restart unbound")
  '';
}
