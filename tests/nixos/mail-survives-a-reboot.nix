# What was delivered, what waits in the queue and the DKIM key are still there after a reboot.
{ ... }:
{
  name = "chatmail-mail-survives-a-reboot";
  nodes.relay.imports = [ ./support/relay.nix ];
  testScript = ''
    start_all()
    relay.wait_for_unit("multi-user.target")
    relay.succeed("chatmail selftest")
    key = relay.succeed("sha256sum /var/lib/chatmail/dkim/chatmail.private")
    relay.succeed("mail-probe send alice queued-for-nobody@unreachable.test")
    relay.succeed("mail-probe send alice bob --text kept")
    relay.wait_until_succeeds("mail-probe fetch bob --text kept", timeout=30)
    relay.wait_until_succeeds("postqueue -j | grep -q unreachable.test", timeout=30)

    relay.reboot()
    relay.wait_for_unit("multi-user.target")

    relay.succeed("mail-probe fetch bob --text kept")
    relay.succeed("postqueue -j | grep -q unreachable.test")
    assert relay.succeed("sha256sum /var/lib/chatmail/dkim/chatmail.private") == key
    relay.wait_until_succeeds("chatmail selftest", timeout=60)
  '';
}
