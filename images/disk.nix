# Disk image for any machine, virtual or not: `nix build .#image-qcow2` and `.#image-raw-efi`; docs/install.md.
# One system in two formats. x86_64 boots by BIOS and EFI, aarch64 by EFI.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  bios = pkgs.stdenv.hostPlatform.isx86_64;
  # a reduced package set, for evaluation only, lacks cloud-init and the tools that grow a disk
  whole = pkgs ? vmTools;
  # a link to the boot disk: its name is vda, sda or xvda, depending on the machine
  disk = "/run/chatmail-disk";

  image =
    format:
    import "${modulesPath}/../lib/make-disk-image.nix" {
      inherit
        config
        format
        lib
        pkgs
        ;
      name = "chatmail-image";
      partitionTableType = if bios then "hybrid" else "efi";
      # room for the kernels of 4 generations
      bootSize = "512M";
      # room for the relay of the domain before the file system grows
      additionalSpace = "1G";
      copyChannel = false;
    };
in
{
  imports = [
    ./setup.nix
    "${modulesPath}/profiles/all-hardware.nix"
    "${modulesPath}/profiles/qemu-guest.nix"
  ];

  system.stateVersion = "26.05";
  system.build.image-qcow2 = image "qcow2-compressed";
  system.build.image-raw-efi = image "raw";

  # on the FAT partition, or written by cloud-init
  chatmailImage.setupFiles = [
    "/boot/chatmail.toml"
    "/etc/chatmail.toml"
  ];

  # --- disk and boot loader
  fileSystems = {
    "/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "ext4";
      autoResize = true;
    };
    "/boot" = {
      device = "/dev/disk/by-label/ESP";
      fsType = "vfat";
      # only root reads it: chatmail.toml may have the password of a Wi-Fi
      options = [ "umask=0077" ];
    };
  };
  boot = {
    growPartition = whole;
    kernelParams = [
      (if bios then "console=ttyS0,115200" else "console=ttyAMA0,115200")
      # boot messages go to the last one
      "console=tty0"
    ];
    loader.grub = {
      # vda: the disk of the machine that makes the image
      device = lib.mkDefault (if bios then "/dev/vda" else "nodev");
      efiSupport = true;
      efiInstallAsRemovable = true;
      configurationLimit = 4;
    };
    consoleLogLevel = 3;
  };
  zramSwap.enable = whole;

  # the activation of the relay installs the boot loader on the disk of this machine
  specialisation = lib.genAttrs [ "relay" "relay-with-contact" ] (_: {
    configuration = lib.mkIf bios { boot.loader.grub.device = disk; };
  });
  systemd.services.chatmail-disk = lib.mkIf bios {
    description = "Link to the boot disk";
    wantedBy = [ "multi-user.target" ];
    before = [
      "chatmail-setup.service"
      "chatmail-upgrade.service"
    ];
    path = [ pkgs.util-linux ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };
    script = ''
      root=$(findmnt --noheadings --output SOURCE /)
      disk=$(lsblk --noheadings --output PKNAME "$root")
      ln --symbolic --force --no-dereference "/dev/$disk" ${disk}
    '';
  };

  # --- network, ssh keys and chatmail.toml from the provider's user data; without these, DHCP
  networking = {
    hostName = "chatmail";
    useNetworkd = true;
  };
  # unbound of the relay is the resolver
  services.resolved.enable = false;
  services.cloud-init = {
    enable = whole;
    network.enable = true;
    # sources that need no search for a server, which would delay the boot
    settings.datasource_list = [
      "NoCloud"
      "ConfigDrive"
      "OpenStack"
      "Hetzner"
      "Vultr"
      "None"
    ];
  };
}
