# From docs/install.md.
{
  services.chatmail.openFirewall = false;
}
