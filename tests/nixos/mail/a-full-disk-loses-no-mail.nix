# While the disk is full, mail stays in the queue; it arrives as soon as there is space.
{
  name = "chatmail-a-full-disk-loses-no-mail";
  nodes.relay = {
    imports = [ ../support/relay.nix ];
    # a small disk for mail only
    virtualisation.fileSystems."/var/lib/chatmail/mail" = {
      device = "none";
      fsType = "tmpfs";
      options = [ "size=40M" ];
    };
  };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    relay.wait_for_unit("multi-user.target")
    relay.succeed(f"{courier} login bob000001@_relay.test")
    relay.succeed(f"{courier} login alice0001@_relay.test")

    relay.execute("dd if=/dev/zero of=/var/lib/chatmail/mail/filler bs=1M")
    relay.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test patient")
    relay.wait_until_succeeds("postqueue -j | grep bob000001", timeout=30)

    relay.succeed("rm /var/lib/chatmail/mail/filler", "postqueue -f")
    relay.succeed(f"{courier} --within 60 fetch bob000001@_relay.test patient")
  '';
}
