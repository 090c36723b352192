# From docs/operate/upkeep.md.
{
  services.chatmail.autoUpgrade = {
    enable = true;
    flake = "github:example/relay"; # the flake of this machine
  };
}
