# A machine that knows no domain becomes the relay of the one in chatmail.toml, without a network.
{
  name = "chatmail-a-card-becomes-a-relay";
  nodes.machine =
    { ... }:
    {
      imports = [ ../../images/provisioned.nix ];
      chatmailImage.cards = [
        "/elsewhere/chatmail.toml"
        "/card/chatmail.toml"
      ];
      virtualisation = {
        memorySize = 1024;
        # it makes a new system in its store
        writableStore = true;
        additionalPaths = [ ];
      };
      services.chatmail.registration = {
        minFreeMemoryMegabytes = 20;
        maxLoad = 100;
      };
    };
  testScript = ''
    page = "curl --silent --fail --max-time 5 http://127.0.0.1:8080/"
    machine.wait_for_unit("multi-user.target")
    machine.wait_until_succeeds(f"{page} | grep 'chatmail.toml is missing'", timeout=60)

    with subtest("a mistake is told"):
        machine.succeed("mkdir -p /card", "echo 'domian = \"chat.ada.example\"' > /card/chatmail.toml")
        machine.succeed("systemctl restart chatmail-provision")
        machine.wait_until_succeeds(f"{page} | grep 'do you mean domain'", timeout=60)

    with subtest("a good card makes the relay"):
        machine.succeed("echo 'domain = \"chat.ada.example\"' > /card/chatmail.toml")
        machine.succeed("systemctl restart chatmail-provision")
        machine.wait_until_succeeds(f"{page} | grep _domainkey.chat.ada.example", timeout=600)
        machine.succeed("chatmail selftest >&2")

    with subtest("it is the same one after a reboot"):
        machine.fail("grep --recursive --files-with-matches placeholder.invalid /etc/")
        machine.succeed("systemctl restart chatmail-provision")
        machine.wait_until_succeeds(f"{page} | grep 'The relay is running'", timeout=60)
  '';
}
