# A machine with the mailboxes of an older version: while a new system is on trial they stay maildir, and so do new ones;
# then they are sdbox, with all messages. The way back gives an older version what it reads.
{
  name = "chatmail-mailboxes-are-converted-after-a-trial";
  nodes.relay.imports = [ ../support/relay.nix ];
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    alice, bob, carol = "alice0001@_relay.test", "bob000001@_relay.test", "carol0001@_relay.test"
    mail, choice = "/var/lib/chatmail/mail", "/var/lib/chatmail/accounts/storage"
    trial = "/var/lib/chatmail-upgrade/previous"
    ended = "systemctl show --property=ActiveState,Result chatmail-storage | sort | tr '\\n' ' ' | grep 'inactive.*success'"
    relay.wait_for_unit("multi-user.target")
    relay.wait_until_succeeds(ended, timeout=60)

    with subtest("a new system is on trial"):
        relay.succeed(f"rm {choice}; mkdir -p $(dirname {trial}); echo /nix/store/old > {trial}")
        relay.succeed("systemctl restart chatmail-storage")
        relay.succeed(f"{courier} login {bob}", f"{courier} send {alice} {bob} before")
        relay.succeed(f"{courier} fetch {bob} before")
        relay.succeed(f"test -d {mail}/{bob}/cur", f"test ! -e {mail}/{bob}/mailboxes")
        relay.fail("chatmail storage convert sdbox")

    with subtest("the new system stays"):
        relay.succeed(f"rm {trial}")
        relay.wait_until_succeeds(f"test -d {mail}/{bob}/mailboxes -a ! -e {mail}/{bob}/cur", timeout=60)
        relay.wait_until_succeeds(ended, timeout=60)
        relay.succeed(f"{courier} fetch {bob} before", f"{courier} login {carol}")
        relay.succeed(f"test -d {mail}/{carol}/mailboxes", "chatmail storage status >&2")
        relay.succeed(f"{courier} send {alice} {bob} after", f"{courier} fetch {bob} after")

    with subtest("the way back"):
        relay.succeed("chatmail storage convert maildir >&2")
        relay.succeed(f"test -d {mail}/{bob}/cur -a ! -e {mail}/{bob}/mailboxes")
        relay.succeed(f"{courier} fetch {bob} before", f"{courier} fetch {bob} after")

    with subtest("and forth"):
        relay.succeed("chatmail storage convert sdbox >&2")
        relay.succeed(f"{courier} fetch {bob} before", f"{courier} fetch {bob} after", "chatmail selftest >&2")
  '';
}
