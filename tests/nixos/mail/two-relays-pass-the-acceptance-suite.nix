# A third machine runs the acceptance suite against two relays, with the DNS zones that `chatmail dns` prints.
{ pkgs, lib, ... }:
let
  world = import ../support/world.nix { inherit pkgs lib; };
in
{
  name = "chatmail-two-relays-pass-the-acceptance-suite";
  nodes = {
    inherit (world) client dns;
    a = world.relay "a.test";
    b = world.relay "b.test";
  };
  testScript = world.script + ''

    start_all()
    for relay in (a, b):
        relay.wait_for_unit("multi-user.target")
    publish(dns, {"a.test": a, "b.test": b})
    client.wait_for_unit("multi-user.target")

    client.succeed("acceptance --relays a.test,b.test -x >&2")
    for relay in (a, b):
        relay.wait_until_succeeds("chatmail selftest", timeout=60)
  '';
}
