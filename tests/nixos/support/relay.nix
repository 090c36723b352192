# A relay of its own, without a public name: what most scenarios need. `courier` talks to it from inside.
{ lib, pkgs, ... }:
{
  imports = [ ../../../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = lib.mkDefault "_relay.test";
    push.enable = lib.mkDefault false;
    # test machines are small and busy
    registration = {
      minFreeMemoryMegabytes = 20;
      minFreeDiskMegabytes = 20;
      maxLoad = 100;
    };
  };
  environment.systemPackages = [ (import ./courier.nix { inherit pkgs; }) ];
  virtualisation.memorySize = 1024;
}
