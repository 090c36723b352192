# The operator rolls an upgrade back with the steps of `nixos-rebuild switch --rollback`: the older generation runs, and
# has the accounts and mail that the newer one accepted.
{
  name = "chatmail-an-upgrade-is-rolled-back";
  nodes.relay =
    { lib, ... }:
    {
      imports = [ ../support/relay.nix ];
      services.chatmail.mail.maxRecipients = 500;
      specialisation.newer.configuration.services.chatmail = {
        mail.maxRecipients = lib.mkForce 2000;
        dkim.selector = "newer";
      };
    };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    alice, bob = "alice0001@_relay.test", "bob000001@_relay.test"
    profile = "nix-env --profile /nix/var/nix/profiles/system"
    switch = "/nix/var/nix/profiles/system/bin/switch-to-configuration test >&2"
    relay.wait_for_unit("multi-user.target")
    old = relay.succeed("readlink -f /run/current-system").strip()
    newer = relay.succeed(f"readlink -f {old}/specialisation/newer").strip()
    relay.succeed(f"{profile} --set {old}", f"{profile} --set {newer}", switch)
    assert relay.succeed("readlink -f /run/current-system").strip() == newer
    relay.succeed("chatmail selftest >&2", "chatmail dns | grep newer._domainkey")
    relay.succeed(f"{courier} login {bob}", f"{courier} send {alice} {bob} newer")

    relay.succeed(f"{profile} --rollback", switch)

    assert relay.succeed("readlink -f /run/current-system").strip() == old
    relay.succeed("chatmail selftest >&2")
    relay.succeed("chatmail dns | grep chatmail._domainkey")
    relay.succeed(f"{courier} fetch {bob} newer", f"{courier} send {alice} {bob} older")
    relay.succeed(f"{courier} fetch {bob} older")
  '';
}
