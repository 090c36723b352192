# The suite's relays with the defaults for new addresses, and mailboxes of few messages.
{ lib, ... }:
{
  imports = [ ../lab.nix ];
  services.chatmail = {
    registration.perIpBurst = lib.mkForce 5;
    retention.maxMessages = 1000;
  };
}
