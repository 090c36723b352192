# From docs/operate.md.
{
  services.chatmail.openFirewall = false;
}
