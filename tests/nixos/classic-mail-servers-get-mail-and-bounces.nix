# A classic mail server (Postfix with a mailbox file) gets mail from a relay, and a bounce of it comes back signed.
{ pkgs, lib, ... }:
let
  world = import ./support/world.nix { inherit pkgs lib; };
  authority = import ./support/authority.nix { inherit pkgs; };
  certificate = authority.certificate "classic.test";
in
{
  name = "chatmail-classic-mail-servers-get-mail-and-bounces";
  nodes = {
    inherit (world) client dns;
    a = world.relay "a.test";
    classic =
      { ... }:
      {
        imports = [ world.resident ];
        networking.firewall.allowedTCPPorts = [ 25 ];
        services.postfix = {
          enable = true;
          settings.main = {
            myhostname = "classic.test";
            mydestination = [ "classic.test" ];
            smtpd_tls_chain_files = [
              "${certificate}/key.pem"
              "${certificate}/fullchain.pem"
            ];
          };
        };
        users.users.carol.isNormalUser = true;
      };
  };
  testScript = world.script + ''

    start_all()
    a.wait_for_unit("multi-user.target")
    classic.wait_for_unit("postfix")
    publish(dns, {"a.test": a})
    address = classic.succeed("ip -4 -o address show dev eth1 | awk '{print $4}' | cut -d/ -f1").strip()
    for record in (f"classic.test. 10 IN A {address}", "classic.test. 10 IN MX 10 classic.test."):
        dns.succeed(f"echo \"local-data: '{record}'\" >> /var/lib/unbound/zones.conf")
    dns.succeed("systemctl restart unbound")
    client.wait_for_unit("multi-user.target")

    client.succeed("courier send alice0001@a.test carol@classic.test hello")
    classic.wait_until_succeeds("grep DKIM-Signature /var/mail/carol", timeout=60)

    # an unknown recipient there comes back as a bounce that the relay made itself
    client.succeed("courier send alice0001@a.test nobody@classic.test hello")
    a.wait_until_succeeds("grep --recursive --quiet 'MAILER-DAEMON' /var/lib/chatmail/mail/alice0001@a.test", timeout=60)
  '';
}
