# Disk image for any machine, virtual or not: `nix build .#image-qcow2` and `.#image-raw-efi`; docs/install.md.
# One system in two formats. x86_64: starts by BIOS and by EFI; aarch64: by EFI.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  bios = pkgs.stdenv.hostPlatform.isx86_64;
  # a package set that was cut down to evaluate images lacks what they grow and are set up with
  whole = pkgs ? vmTools;
  # the disk that the machine started from, whatever its name: a virtual machine has vda, sda or xvda
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
      # kernels of some generations
      bootSize = "512M";
      # room for the relay of a domain, until the file system has grown
      additionalSpace = "1G";
      copyChannel = false;
    };
in
{
  imports = [
    ./provisioned.nix
    "${modulesPath}/profiles/all-hardware.nix"
    "${modulesPath}/profiles/qemu-guest.nix"
  ];

  system.stateVersion = "26.05";
  system.build.image-qcow2 = image "qcow2-compressed";
  system.build.image-raw-efi = image "raw";

  # the small partition that every computer reads, and what cloud-init writes
  chatmailImage.cards = [
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
      # an administrator writes there, nobody else reads it
      options = [ "umask=0077" ];
    };
  };
  boot = {
    growPartition = whole;
    kernelParams = [
      (if bios then "console=ttyS0,115200" else "console=ttyAMA0,115200")
      # the last one is what people see
      "console=tty0"
    ];
    loader.grub = {
      # vda: where the image is made
      device = lib.mkDefault (if bios then "/dev/vda" else "nodev");
      efiSupport = true;
      efiInstallAsRemovable = true;
      configurationLimit = 4;
    };
    consoleLogLevel = 3;
  };
  zramSwap.enable = whole;

  # the relay installs the boot loader again, on the disk of this machine
  specialisation = lib.genAttrs [ "relay" "relay-with-contact" ] (_: {
    configuration = lib.mkIf bios { boot.loader.grub.device = disk; };
  });
  systemd.services.chatmail-disk = lib.mkIf bios {
    description = "Name of the disk that this machine started from";
    wantedBy = [ "multi-user.target" ];
    before = [
      "chatmail-provision.service"
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

  # --- network, ssh keys and chatmail.toml as the provider's user data say; without these, DHCP
  networking = {
    hostName = "chatmail";
    useNetworkd = true;
  };
  # the relay's own resolver answers
  services.resolved.enable = false;
  services.cloud-init = {
    enable = whole;
    network.enable = true;
    # those that can be told from the machine itself: no waiting for a server that is not there
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
