# From docs/operate.md.
{
  services.chatmail.registration.automatic = 20;
}
