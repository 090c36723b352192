# From docs/operate/people.md.
{
  services.chatmail.registration.automatic = 20;
}
