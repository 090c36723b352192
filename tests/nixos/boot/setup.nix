# A machine that waits for chatmail.toml; boot/setup.sh writes it.
{
  imports = [ ../../../images/setup.nix ];
  chatmailImage = {
    setupFiles = [
      "/boot/chatmail.toml"
      "/etc/chatmail.toml"
    ];
    screen = false;
  };
}
