# The hardware that chatmail-install found: processor, disk, boot loader, network.
{ modulesPath, ... }:
{
  imports = [ "${modulesPath}/profiles/qemu-guest.nix" ];

  nixpkgs.hostPlatform = "x86_64-linux";
  boot.initrd.availableKernelModules = [
    "virtio_blk"
    "virtio_pci"
  ];
  boot.loader.grub.device = "/dev/vda";
  # the partitions of disk.nix
  fileSystems."/" = {
    device = "/dev/disk/by-partlabel/disk-main-root";
    fsType = "ext4";
  };
  zramSwap.enable = true;

  # DHCP does not provide these
  networking = {
    useDHCP = false;
    useNetworkd = true;
  };
  # unbound of the relay is the resolver
  services.resolved.enable = false;
  systemd.network.networks."10-uplink" = {
    matchConfig.MACAddress = "52:54:00:12:34:56";
    networkConfig = {
      DHCP = "ipv4";
      IPv6AcceptRA = false;
    };
    address = [
      "2001:db8::5/64"
    ];
    routes = [
      { Gateway = "fe80::1"; }
    ];
  };
}
