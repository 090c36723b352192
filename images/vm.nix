# A temporary relay in QEMU, without a public domain: `nix run .#vm`. Ports 2525 and following of this machine lead to it.
{ lib, pkgs, ... }:
{
  imports = [ ../modules/chatmail.nix ];

  services.chatmail = {
    enable = true;
    domain = "_vm.example.org";
    push.enable = false;
    # the machine has 1 GB
    registration.minFreeMemoryMegabytes = lib.mkDefault 50;
  };

  networking.hostName = "vm";
  services.getty.autologinUser = "root";
  users.motd = ''

    A chatmail relay is running. Try: chatmail selftest
  '';
  environment.systemPackages = [ pkgs.jq ];
  system.stateVersion = "26.05";

  # QEMU needs neither; without them, the system does not evaluate
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
      # the QEMU of NixOS' tests is smaller: it has no window
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
