# chatmail-upgrade undoes an upgrade after which mail does not work, and keeps a working one as boot default.
{
  name = "chatmail-a-broken-upgrade-is-undone";
  nodes.relay =
    { lib, ... }:
    {
      imports = [ ../support/relay.nix ];
      services.chatmail.autoUpgrade = {
        enable = true;
        # this build fails
        flake = "/nowhere";
      };
      specialisation = {
        good.configuration.environment.etc."good-generation".text = "";
        broken.configuration.systemd.services.chatmail-filter.enable = lib.mkForce false;
        # mail on this relay works without it
        lonely.configuration.systemd.services.chatmail-transport.enable = lib.mkForce false;
      };
    };
  testScript = ''
    running = "readlink -f /run/current-system"
    courier = "courier --host localhost --any-certificate"
    relay.wait_for_unit("multi-user.target")
    old = relay.succeed(running).strip()
    relay.succeed(f"nix-env --profile /nix/var/nix/profiles/system --set {old}")

    with subtest("a failed build changes nothing"):
        relay.fail("systemctl start chatmail-upgrade")
        relay.succeed("grep 'build failed' /var/lib/chatmail-upgrade/last-report.json")
        assert relay.succeed(running).strip() == old

    with subtest("after a broken upgrade the old system runs, and mail arrives"):
        relay.succeed(f"{courier} login bob000001@_relay.test")
        relay.fail(f"chatmail-upgrade run --candidate {old}/specialisation/broken >&2")
        assert relay.succeed(running).strip() == old
        relay.succeed("grep returned /var/lib/chatmail-upgrade/last-report.json")
        relay.succeed(f"{courier} send alice0001@_relay.test bob000001@_relay.test through")
        relay.succeed(f"{courier} fetch bob000001@_relay.test through")

    with subtest("a system without delivery over HTTPS is undone, too"):
        relay.fail(f"chatmail-upgrade run --candidate {old}/specialisation/lonely >&2")
        assert relay.succeed(running).strip() == old
        relay.succeed("grep mxdeliv-out /var/lib/chatmail-upgrade/last-report.json")

    with subtest("a working system stays"):
        good = relay.succeed(f"readlink -f {old}/specialisation/good").strip()
        relay.succeed(f"chatmail-upgrade run --candidate {good} >&2")
        assert relay.succeed(running).strip() == good
        assert relay.succeed("readlink -f /nix/var/nix/profiles/system").strip() == good
        relay.succeed("chatmail selftest")
  '';
}
