# Port 443 serves a relay and another web site: the site keeps its name, and sees its visitors' IP addresses.
{
  name = "chatmail-other-sites-keep-working";
  nodes = {
    relay =
      { pkgs, ... }:
      let
        authority = import ../support/authority.nix { inherit pkgs; };
        certificate = authority.certificate "site.example";
      in
      {
        imports = [ ../support/relay.nix ];
        services.nginx.virtualHosts."site.example" = {
          forceSSL = true;
          sslCertificate = "${certificate}/fullchain.pem";
          sslCertificateKey = "${certificate}/key.pem";
          locations."/".return = ''200 "site for $remote_addr\n"'';
        };
      };
    visitor = { };
  };
  testScript =
    { nodes, ... }:
    let
      relay = nodes.relay.networking.primaryIPAddress;
      visitor = nodes.visitor.networking.primaryIPAddress;
    in
    ''
      start_all()
      relay.wait_for_unit("multi-user.target")
      visitor.wait_for_unit("multi-user.target")
      curl = "curl --silent --insecure --max-time 10 --resolve site.example:443:${relay} --resolve _relay.test:443:${relay}"

      seen = visitor.succeed(f"{curl} https://site.example/")
      assert seen == "site for ${visitor}\n", seen
      visitor.succeed(f"{curl} --request POST https://_relay.test/new | grep _relay.test")
      relay.succeed("chatmail selftest")
    '';
}
