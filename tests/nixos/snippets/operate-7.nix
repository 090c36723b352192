# From docs/operate.md.
{
  services.chatmail.ipv4.enable = false;
}
