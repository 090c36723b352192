# From another machine only the ports of mail and web are reachable, and no internal ports.
{
  name = "chatmail-only-the-intended-ports-are-open";
  nodes = {
    relay.imports = [ ../support/relay.nix ];
    stranger = { };
  };
  testScript =
    { nodes, ... }:
    let
      address = nodes.relay.networking.primaryIPAddress;
    in
    ''
      start_all()
      relay.wait_for_unit("multi-user.target")
      relay.succeed("chatmail selftest")
      stranger.wait_for_unit("multi-user.target")

      probe = "timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/{}'"
      listening = relay.succeed("ss --no-header --listening --tcp --numeric | awk '{print $4}'")
      ports = {int(line.rsplit(":", 1)[1]) for line in listening.split()}
      open_ports = {port for port in ports if stranger.execute(probe.replace("{}", str(port)))[0] == 0}
      assert open_ports == {25, 80, 143, 443, 465, 587, 993}, open_ports
    '';
}
