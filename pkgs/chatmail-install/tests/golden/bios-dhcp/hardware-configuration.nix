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
}
