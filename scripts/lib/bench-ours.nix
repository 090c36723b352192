# Operator configuration of the measured relay: no limit that a load test would hit.
{
  services.chatmail.registration.maxLoad = 1000;
  services.chatmail.mail.messagesPerMinute = 1000000;
  services.chatmail.mail.messageBurst = 1000000;
}
