# A relay of its own, without a public name: what most scenarios need. `courier` talks to it from inside.
{ lib, pkgs, ... }:
{
  imports = [ ../../../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = lib.mkDefault "_relay.test";
    push.enable = lib.mkDefault false;
    # where test machines are
    privateNetworks = [
      "192.168.0.0/16"
      "2001:db8::/32"
    ];
    # test machines are small and busy
    registration = {
      minFreeMemoryMegabytes = 20;
      minFreeDiskMegabytes = 20;
      maxLoad = 100;
    };
  };
  # nobody answers for it: unbound would say that the name does not exist, which is worse than no answer
  services.unbound.settings.server.local-zone = lib.mkDefault [ ''"test." refuse'' ];
  environment.systemPackages = [ (import ./courier.nix { inherit pkgs; }) ];
  virtualisation.memorySize = 1024;
}
