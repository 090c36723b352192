# The layout of the disk, for disko; the file systems are in hardware-configuration.nix, too.
# Only a new installation reads this file. It erases the disk.
{
  disko.devices.disk.main = {
    type = "disk";
    device = "/dev/disk/by-id/virtio-1";
    content = {
      type = "gpt";
      partitions = {
        ESP = {
          size = "512M";
          type = "EF00";
          content = {
            type = "filesystem";
            format = "vfat";
            mountpoint = "/boot";
            mountOptions = [ "umask=0077" ];
          };
        };
        root = {
          size = "100%";
          content = {
            type = "filesystem";
            format = "ext4";
            mountpoint = "/";
          };
        };
      };
    };
  };
}
