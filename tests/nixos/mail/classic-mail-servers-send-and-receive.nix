# A classic mail server (Postfix with maildirs) and a relay exchange mail, and a bounce arrives.
{ pkgs, lib, ... }:
let
  world = import ../support/world.nix { inherit pkgs lib; };
  authority = import ../support/authority.nix { inherit pkgs; };
  certificate = authority.certificate "classic.test";
in
{
  name = "chatmail-classic-mail-servers-send-and-receive";
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
        environment.systemPackages = [
          pkgs.openssl
          (import ../support/courier.nix { inherit pkgs; })
        ];
      };
  };
  testScript = world.script + ''

    start_all()
    a.wait_for_unit("multi-user.target")
    classic.wait_for_unit("postfix")
    address = ipv4(classic)
    classic.succeed("openssl genrsa -out dkim.pem 2048")
    key = classic.succeed("openssl rsa -in dkim.pem -pubout -outform DER | base64 --wrap 0").strip()
    publish(dns, {"a.test": a}, [
        f"classic.test. 10 IN A {address}",
        "classic.test. 10 IN MX 10 classic.test.",
        f's._domainkey.classic.test. 10 IN TXT "v=DKIM1; k=rsa; p={key[:200]}" "{key[200:]}"',
    ])
    client.wait_for_unit("multi-user.target")

    with subtest("the classic server receives mail"):
        client.succeed("courier send alice0001@a.test carol@classic.test hello")
        classic.wait_until_succeeds("grep --recursive DKIM-Signature /var/mail/carol", timeout=60)

    with subtest("the classic server sends mail"):
        client.succeed("courier login alice0001@a.test")
        classic.succeed("courier sign carol@classic.test alice0001@a.test answer --key dkim.pem > letter")
        classic.succeed("sendmail -i -f carol@classic.test alice0001@a.test < letter")
        client.succeed("courier --within 60 fetch alice0001@a.test answer")

    with subtest("the relay bounces mail for an unknown recipient on the classic server"):
        client.succeed("courier send alice0001@a.test stranger@classic.test hello")
        a.wait_until_succeeds("grep --recursive --quiet multipart/report /var/lib/chatmail/mail/alice0001@a.test", timeout=60)
  '';
}
