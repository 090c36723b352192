# A throw-away relay in QEMU, without a public name: `nix run .#vm`. Its ports are those of this machine from 2525 on.
{ lib, pkgs, ... }:
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "_vm.example.org";
    push.enable = false;
    # a small machine, not a busy one
    registration.minFreeMemoryMegabytes = lib.mkDefault 50;
  };

  networking.hostName = "vm";
  services.getty.autologinUser = "root";
  users.motd = ''

    A chatmail relay is running. Try: chatmail selftest
  '';
  environment.systemPackages = [ pkgs.jq ];
  system.stateVersion = "26.05";

  # the machine is what QEMU makes of it; these stand in where it is built as any other
  boot.loader.grub.enable = lib.mkDefault false;
  fileSystems."/" = lib.mkDefault {
    device = "none";
    fsType = "tmpfs";
  };

  virtualisation.vmVariant.virtualisation = {
    memorySize = 1024;
    graphics = false;
    qemu = {
      guestAgent.enable = false;
      # the small QEMU of NixOS' tests: this machine needs no window
      package = pkgs.qemu_test;
    };
    diskImage = null;
    forwardPorts =
      map
        (ports: {
          from = "host";
          host.port = ports.host;
          guest.port = ports.guest;
        })
        [
          {
            host = 2525;
            guest = 25;
          }
          {
            host = 2443;
            guest = 443;
          }
          {
            host = 2465;
            guest = 465;
          }
          {
            host = 2993;
            guest = 993;
          }
        ];
  };
}
