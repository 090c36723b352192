# chatmail-expire.timer deletes mail older than 20 days and keeps newer mail. The test sets the clock.
{
  name = "chatmail-the-timer-deletes-old-mail";
  nodes.relay = {
    imports = [ ../support/relay.nix ];
    services.timesyncd.enable = false;
  };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    relay.wait_for_unit("multi-user.target")
    relay.succeed(f"{courier} login bob000001@_relay.test")
    relay.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test old")
    relay.succeed(f"{courier} fetch bob000001@_relay.test old")
    relay.succeed("date --set '+15 days'")
    relay.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test new")
    relay.succeed(f"{courier} fetch bob000001@_relay.test new")

    relay.succeed("date --set '+6 days'")
    last_run = "systemctl show --property=ExecMainExitTimestampMonotonic --value chatmail-expire.service"
    before = relay.succeed(last_run)
    # the timer elapses at 00:02
    relay.succeed("date --set '23:59:50'", "date --set 'tomorrow 00:01:55'")
    relay.wait_until_succeeds(f"test $({last_run}) != {before}", timeout=90)

    relay.succeed(f"{courier} fetch bob000001@_relay.test new")
    relay.fail(f"{courier} --within 2 fetch bob000001@_relay.test old")
  '';
}
