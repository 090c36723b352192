# Operator configuration of the relays of the tour.
{
  # a busy laptop may still create addresses
  services.chatmail.registration.maxLoad = 1000;
  # all people come from one IP address
  services.chatmail.registration.perIpBurst = 100;
}
