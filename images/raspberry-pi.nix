# SD card image for Raspberry Pi 3, 4 and Zero 2. `nix build .#sdImage-rpi`; docs/install/raspberry-pi.md.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
{
  imports = [
    ./setup.nix
    "${modulesPath}/installer/sd-card/sd-image-aarch64.nix"
  ];
  # it adds the editors, partitioning tools and file systems of an installer
  disabledModules = [ "profiles/base.nix" ];

  nixpkgs.hostPlatform = "aarch64-linux";
  system.stateVersion = "26.05";

  chatmailImage.setupFiles = [ "/boot/firmware/chatmail.toml" ];

  # --- the card: chatmail.toml is on the FAT partition of the firmware, which every computer can write
  sdImage.postBuildCommands = ''
    mcopy -i "$img@@${toString config.sdImage.firmwarePartitionOffset}M" ${./chatmail.toml} ::chatmail.toml
  '';
  fileSystems = {
    "/boot/firmware".options = lib.mkForce [
      "nofail"
      # only root reads it: chatmail.toml may have the password of a Wi-Fi
      "umask=0077"
    ];
    # fewer writes, to spare the card; Postfix and Dovecot fsync mail
    "/".options = [
      "noatime"
      "commit=60"
    ];
  };

  # --- 1 GB of memory; 512 MB on a Zero 2
  services.chatmail = {
    limits = {
      imapConnections = lib.mkDefault 1500;
      smtpConnections = lib.mkDefault 100;
    };
    registration = {
      minFreeMemoryMegabytes = lib.mkDefault 40;
      minFreeDiskMegabytes = lib.mkDefault 500;
    };
    retention.quotaMegabytes = lib.mkDefault 100;
    # to compile its program takes hours in emulation, and 600 MB of memory
    iroh.enable = lib.mkDefault false;
  };
  # a reduced package set, for evaluation only, has no generator
  zramSwap.enable = pkgs ? zram-generator;
  nix.settings.max-jobs = 1;

  networking.hostName = "chatmail";
  # --- network: DHCP on the cable, and the Wi-Fi of chatmail.toml
  networking.wireless.iwd.enable = pkgs ? iwd;
  hardware.enableRedistributableFirmware = true;

  # --- no kernel messages on the screen
  boot.consoleLogLevel = 3;
}
