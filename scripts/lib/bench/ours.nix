# Operator configuration of the measured relay: no limit that a load test would hit.
{
  services.chatmail.registration.maxLoad = 1000;
  # all people come from one IP address
  services.chatmail.registration.perIpBurst = 1000000;
  # the notification server of the load program
  services.chatmail.push.notifierUrl = "https://client.test:9443/notify";
  services.chatmail.mail.messagesPerMinute = 1000000;
  services.chatmail.mail.messageBurst = 1000000;
}
