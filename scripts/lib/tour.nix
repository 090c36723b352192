# Operator configuration of the relays of the tour.
{
  # a busy laptop is no reason to turn people away
  services.chatmail.registration.maxLoad = 1000;
  # all people come from one IP address
  services.chatmail.registration.perIpBurst = 100;
}
