# A machine without a domain becomes the relay of the domain in chatmail.toml, without a network connection.
{
  name = "chatmail-a-setup-file-makes-a-relay";
  nodes.machine =
    { ... }:
    {
      imports = [ ../../../images/setup.nix ];
      chatmailImage.setupFiles = [
        "/elsewhere/chatmail.toml"
        "/second/chatmail.toml"
      ];
      virtualisation = {
        memorySize = 1024;
        # the setup writes a new system to the store
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

    with subtest("the page shows a mistake"):
        machine.succeed("mkdir -p /second", "echo 'domian = \"chat.ada.example\"' > /second/chatmail.toml")
        machine.succeed("systemctl restart chatmail-setup")
        machine.wait_until_succeeds(f"{page} | grep 'do you mean domain'", timeout=60)

    with subtest("a valid file makes the relay"):
        machine.succeed("echo 'domain = \"chat.ada.example\"' > /second/chatmail.toml")
        machine.succeed("systemctl restart chatmail-setup")
        machine.wait_until_succeeds(f"{page} | grep _domainkey.chat.ada.example", timeout=600)
        machine.succeed("chatmail selftest >&2")

    with subtest("the same file changes nothing"):
        machine.fail("grep --recursive --files-with-matches placeholder.invalid /etc/")
        machine.succeed("systemctl restart chatmail-setup")
        machine.wait_until_succeeds(f"{page} | grep 'The relay is running'", timeout=60)
  '';
}
