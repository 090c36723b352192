# From docs/install/raspberry-pi.md.
{
  services.chatmail.autoUpgrade = {
    enable = true;
    flake = "github:example/relay#rpi";
  };
}
