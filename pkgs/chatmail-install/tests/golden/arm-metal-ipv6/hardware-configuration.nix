# The hardware that chatmail-install found: processor, disk, boot loader, network.
{
  nixpkgs.hostPlatform = "aarch64-linux";
  boot.initrd.availableKernelModules = [
    "nvme"
  ];
  hardware.enableRedistributableFirmware = true;
  boot.loader.grub = {
    device = "nodev";
    efiSupport = true;
    efiInstallAsRemovable = true;
  };
  # the partitions of disk.nix
  fileSystems."/" = {
    device = "/dev/disk/by-partlabel/disk-main-root";
    fsType = "ext4";
  };
  fileSystems."/boot" = {
    device = "/dev/disk/by-partlabel/disk-main-ESP";
    fsType = "vfat";
    options = [ "umask=0077" ];
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
      DHCP = "no";
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
