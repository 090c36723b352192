# From docs/faq.md.
{
  services.chatmail.web.showInvite = false;
}
