# A new machine with a backup of the state directory is the same relay: accounts, mail and DKIM key.
{
  name = "chatmail-state-moves-to-a-new-machine";
  nodes = {
    old.imports = [ ../support/relay.nix ];
    new.imports = [ ../support/relay.nix ];
  };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    key = "sha256sum /var/lib/chatmail/dkim/chatmail.private"
    backup = "/tmp/shared/state.tar"
    start_all()
    old.wait_for_unit("multi-user.target")
    new.wait_for_unit("multi-user.target")
    old.succeed(f"{courier} login bob000001@_relay.test")
    old.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test moved")
    old.succeed(f"{courier} fetch bob000001@_relay.test moved")

    old.succeed("systemctl stop postfix dovecot chatmail-accounts chatmail-filter")
    old.succeed(f"tar --create --file {backup} --directory / var/lib/chatmail")
    new.succeed("systemctl stop postfix dovecot chatmail-accounts chatmail-filter")
    new.succeed("rm -r /var/lib/chatmail", f"tar --extract --file {backup} --directory /")
    # services read certificate, secrets and keys when they start
    new.shutdown()
    new.start()
    new.wait_for_unit("multi-user.target")

    assert new.succeed(key) == old.succeed(key)
    new.succeed(f"{courier} fetch bob000001@_relay.test moved")
    new.succeed("chatmail selftest")
  '';
}
