# The disk as disko made it; the machine's file systems stand in hardware-configuration.nix.
# Only a new installation reads this file, and erases the disk.
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
