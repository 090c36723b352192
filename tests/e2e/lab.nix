# Operator configuration of the relays that the acceptance suite runs against.
{
  # the suite shares its machine with two whole relays, so load says nothing about abuse
  services.chatmail.registration.maxLoad = 1000;
  # all scenarios ask from one IP address
  services.chatmail.registration.perAddressBurst = 1000;
}
