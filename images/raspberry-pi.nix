# SD card image for Raspberry Pi 3, 4 and Zero 2. `nix build .#sdImage-rpi`; docs/raspberry-pi.md.
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
{
  imports = [
    ./provisioned.nix
    "${modulesPath}/installer/sd-card/sd-image-aarch64.nix"
  ];
  # editors, partitioning tools and file systems of an installer
  disabledModules = [ "profiles/base.nix" ];

  nixpkgs.hostPlatform = "aarch64-linux";
  system.stateVersion = "26.05";

  chatmailImage.card = "/boot/firmware/chatmail.toml";

  # --- the card: what a person writes is beside the firmware, readable by every computer
  sdImage.postBuildCommands = ''
    mcopy -i "$img@@${toString config.sdImage.firmwarePartitionOffset}M" ${./chatmail.toml} ::chatmail.toml
  '';
  fileSystems = {
    "/boot/firmware".options = lib.mkForce [
      "nofail"
      # root writes there, and nobody else reads the password of the Wi-Fi
      "umask=0077"
    ];
    # fewer writes: none for reading, and collected ones (Postfix and Dovecot fsync what must not be lost)
    "/".options = [
      "noatime"
      "commit=60"
    ];
  };
  boot.tmp.cleanOnBoot = true;

  # --- 1 GB of memory, and half of it on a Zero 2
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
  };
  # a package set that was cut down to evaluate images has no generator
  zramSwap.enable = pkgs ? zram-generator;
  nix = {
    settings = {
      experimental-features = [
        "nix-command"
        "flakes"
      ];
      max-jobs = 1;
    };
    gc = {
      automatic = config.nix.enable;
      options = "--delete-older-than 14d";
    };
  };
  documentation.enable = false;
  programs.command-not-found.enable = false;

  networking.hostName = "chatmail";
  # --- network: the cable by itself, the Wi-Fi as the card says
  networking.wireless.iwd.enable = pkgs ? iwd;
  hardware.enableRedistributableFirmware = true;

  # --- the screen is for people
  boot.consoleLogLevel = 3;
}
