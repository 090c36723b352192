# From docs/install.md.
{
  services.chatmail.ipv4.enable = false;
}
