# After a reboot, delivered mail, queued mail and the DKIM key are still there.
{
  name = "chatmail-mail-survives-a-reboot";
  nodes.relay.imports = [ ../support/relay.nix ];
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    key = "sha256sum /var/lib/chatmail/dkim/chatmail.private"
    relay.wait_for_unit("multi-user.target")
    relay.succeed("chatmail selftest")
    relay.succeed(f"{courier} login bob000001@_relay.test")
    relay.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test kept")
    relay.succeed(f"{courier} send alice0001@_relay.test nobody@unreachable.example queued")
    relay.wait_until_succeeds("postqueue -j | grep unreachable.example", timeout=60)
    before = relay.succeed(key)

    relay.shutdown()
    relay.start()
    relay.wait_for_unit("multi-user.target")

    relay.succeed(f"{courier} fetch bob000001@_relay.test kept")
    relay.succeed("postqueue -j | grep unreachable.example")
    assert relay.succeed(key) == before
  '';
}
