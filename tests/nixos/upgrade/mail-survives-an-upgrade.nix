# A machine switches to a newer generation under load: mail accepted before and during the switch arrives, accounts and
# the DKIM key stay, and the new settings apply.
{
  name = "chatmail-mail-survives-an-upgrade";
  nodes.relay =
    { lib, ... }:
    {
      imports = [ ../support/relay.nix ];
      services.chatmail = {
        mail.maxRecipients = 500;
        turn.enable = false;
      };
      specialisation.newer.configuration.services.chatmail = {
        mail.maxRecipients = lib.mkForce 2000;
        turn.enable = lib.mkForce true;
        dkim.publishedSelectors = [ "next" ];
        limits.imapConnections = 2000;
      };
    };
  testScript = ''
    courier = "courier --host localhost --any-certificate"
    alice, bob = "alice0001@_relay.test", "bob000001@_relay.test"
    key = "sha256sum /var/lib/chatmail/dkim/chatmail.private"
    relay.wait_for_unit("multi-user.target")
    old = relay.succeed("readlink -f /run/current-system").strip()
    relay.fail(f"test {old} = $(readlink -f {old}/specialisation/newer)")
    relay.succeed(f"{courier} login {bob}", f"{courier} send {alice} {bob} before")
    relay.succeed(f"{courier} send {alice} nobody@unreachable.example queued")
    relay.wait_until_succeeds("postqueue -j | grep unreachable.example", timeout=60)
    before = relay.succeed(key)

    with subtest("mail is sent during the switch"):
        # `accepted` lists the messages with the reply 250; only these must arrive
        writes = f"for n in $(seq 20); do {courier} send {alice} {bob} during-$n && echo during-$n >> accepted; done"
        relay.succeed(f"touch accepted; ({writes}; touch written) > /dev/null 2>&1 &")
        relay.wait_until_succeeds("test -s accepted", timeout=60)
        relay.succeed(f"{old}/specialisation/newer/bin/switch-to-configuration test >&2")
        relay.wait_until_succeeds("test -e written", timeout=120)
        accepted = relay.succeed("cat accepted").split()

    with subtest("the newer generation runs"):
        relay.succeed("chatmail selftest >&2")
        relay.succeed("grep --quiet '\"maxRecipients\":2000' /etc/chatmail/settings.json")
        relay.wait_for_unit("coturn")
        relay.succeed("chatmail dns | grep next._domainkey")

    with subtest("nothing is lost"):
        for text in ["before", *accepted]:
            relay.succeed(f"{courier} fetch {bob} {text}")
        relay.succeed("postqueue -j | grep unreachable.example")
        assert relay.succeed(key) == before
  '';
}
