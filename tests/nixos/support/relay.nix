# A relay without a public name, for most scenarios. `courier` runs on the same machine.
{ lib, pkgs, ... }:
{
  imports = [ ../../../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = lib.mkDefault "_relay.test";
    push.enable = lib.mkDefault false;
    # there is nothing outside of a test
    selftest = {
      mailDomains = lib.mkDefault [ ];
      relays = lib.mkDefault [ ];
    };
    # the networks of NixOS tests
    privateNetworks = [
      "192.168.0.0/16"
      "2001:db8::/32"
    ];
    # test machines have little memory and a high load
    registration = {
      minFreeMemoryMegabytes = 20;
      minFreeDiskMegabytes = 20;
      maxLoad = 100;
    };
  };
  # unbound's default for test. is NXDOMAIN, which is permanent; REFUSED makes mail wait
  services.unbound.settings.server.local-zone = lib.mkDefault [ ''"test." refuse'' ];
  environment.systemPackages = [ (import ./courier.nix { inherit pkgs; }) ];
  virtualisation.memorySize = 1024;
}
