# A machine that waits for chatmail.toml; boot/card.sh makes it a relay.
{
  imports = [ ../../../images/provisioned.nix ];
  chatmailImage = {
    cards = [
      "/boot/chatmail.toml"
      "/etc/chatmail.toml"
    ];
    screen = false;
  };
}
