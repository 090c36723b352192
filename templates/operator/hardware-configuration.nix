# -> Replace this file by the one that `nixos-generate-config` makes on the machine.
# It stands for a virtual machine with one disk.
{
  boot.loader.grub.device = "/dev/vda";
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  nixpkgs.hostPlatform = "x86_64-linux";
}
