# One relay without a public name, as most scenarios need it.
{ lib, ... }:
{
  imports = [ ../../../modules/chatmail.nix ];
  services.chatmail = {
    enable = true;
    domain = lib.mkDefault "_relay.test";
    push.enable = lib.mkDefault false;
    registration = {
      minFreeMemoryMegabytes = 20;
      minFreeDiskMegabytes = 20;
      maxLoad = 50;
    };
  };
  virtualisation.memorySize = 1024;
}
