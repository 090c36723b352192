# A machine for ./setup.sh, which writes its chatmail.toml.
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
