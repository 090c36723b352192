# A backup restored on an empty machine is the same relay: password, mail, DKIM key. The timer makes backups, old ones are
# deleted, and the unit has the rights that it needs. The machines share /tmp/shared, where the repository is.
{
  name = "chatmail-backup-makes-a-lost-machine-anew";
  nodes =
    let
      relay =
        { lib, ... }:
        {
          imports = [ ../support/relay.nix ];
          services.chatmail.backup = {
            enable = true;
            repository = "/tmp/shared/backups";
            passwordFile = "/etc/backup-password";
            withMail = true;
          };
          environment.etc."backup-password".text = "secret of the test";
          # /tmp of the machine, with the folder that both share
          systemd.services.chatmail-backup.serviceConfig.PrivateTmp = lib.mkForce false;
        };
    in
    {
      old.imports = [ relay ];
      # the same users have other numbers
      new.imports = [
        relay
        {
          users.users.vmail.uid = 871;
          users.groups.vmail.gid = 871;
        }
      ];
    };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    key = "sha256sum /var/lib/chatmail/dkim/chatmail.private"
    owners = "stat -c '%a %U:%G' /var/lib/chatmail/* /var/lib/chatmail/mail/*/password"
    start_all()
    old.wait_for_unit("multi-user.target")
    new.wait_for_unit("multi-user.target")
    old.succeed(f"{courier} login bob000001@_relay.test")
    old.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test moved")
    old.succeed(f"{courier} fetch bob000001@_relay.test moved")

    old.succeed("systemctl is-active chatmail-backup.timer")
    old.fail("systemctl start chatmail-backup")
    assert "there is no repository" in old.execute("chatmail status")[1]
    old.succeed("chatmail backup create --init", "systemctl start chatmail-backup", "chatmail backup verify")
    assert "backup" not in old.execute("chatmail status | grep wrong:")[1]
    assert new.succeed(key) != old.succeed(key)
    new.succeed("chatmail backup restore >&2")

    assert new.succeed(key) == old.succeed(key)
    assert new.succeed(owners) == old.succeed(owners)
    new.succeed(f"{courier} fetch bob000001@_relay.test moved")
    new.fail("chatmail backup restore")
    new.succeed("chatmail selftest")
    # the certificate and the secrets are read at the next boot, too
    new.shutdown()
    new.start()
    new.wait_for_unit("multi-user.target")
    new.succeed(f"{courier} login bob000001@_relay.test")
  '';
}
