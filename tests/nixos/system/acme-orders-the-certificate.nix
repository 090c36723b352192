# A relay orders its certificate from an ACME server (RFC 8555), and every daemon uses it without a restart by hand.
# A relay that imports an ACME account orders with it (RFC 8657).
{
  pkgs,
  lib,
  ...
}:
let
  world = import ../support/world.nix { inherit pkgs lib; };
in
{
  name = "chatmail-acme-orders-the-certificate";
  nodes = {
    inherit (world) dns;
    issuer =
      { nodes, ... }:
      {
        imports = [ (pkgs.path + "/nixos/tests/common/acme/server") ];
        networking.nameservers = lib.mkForce [ nodes.dns.networking.primaryIPAddress ];
      };
    relay =
      { nodes, ... }:
      {
        imports = [ (world.relay "a.test") ];
        services.chatmail.tls = lib.mapAttrs (_: lib.mkForce) {
          mode = "acme";
          certificateFile = null;
          keyFile = null;
        };
        environment.systemPackages = [ pkgs.openssl ];
        security.pki.certificateFiles = [ nodes.issuer.test-support.acme.caCert ];
        security.acme = {
          acceptTerms = true;
          defaults.server = "https://acme.test/dir";
        };
      };
  };
  testScript =
    { nodes, ... }:
    world.script
    + ''

      dns.wait_for_unit("unbound")
      issuer.wait_for_unit("pebble")
      relay.wait_for_unit("multi-user.target")
      # until then the daemons use a self-signed certificate
      report = relay.execute("chatmail selftest")[1]
      assert "provisional" in report, report

      publish(dns, {"a.test": relay}, ["acme.test. 10 IN A ${nodes.issuer.networking.primaryIPAddress}"])
      relay.succeed("systemctl start acme-order-renew-a.test.service")

      relay.succeed("test -e /var/lib/acme/a.test/acme-success")
      issued = relay.succeed("openssl x509 -noout -fingerprint -in /var/lib/acme/a.test/cert.pem")
      for port in (443, 465, 993):
          shown = f"openssl s_client -connect 127.0.0.1:{port} -servername a.test < /dev/null | openssl x509 -noout -fingerprint"
          relay.wait_until_succeeds(f"test \"$({shown})\" = '{issued.strip()}'", timeout=30)


      def orders_again():
          relay.succeed("rm -rf /var/lib/acme/.lego/a.test")
          relay.succeed("systemctl start acme-order-renew-a.test.service")
          # what CAA names
          return relay.succeed("chatmail dns | grep --only-matching 'accounturi=[^\"]*'").strip()


      first = orders_again()
      relay.succeed("chatmail export /root/tree")
      relay.succeed("test -n \"$(find /root/tree/var/lib/acme/accounts -name privkey)\"")
      # a new machine that has ordered by itself
      relay.succeed("rm -r /var/lib/acme/.lego/accounts/*")
      assert orders_again() != first
      relay.succeed("chatmail import /root/tree")

      assert orders_again() == first
    '';
}
