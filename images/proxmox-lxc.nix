# Container image for Proxmox: `nix build .#image-proxmox-lxc`; docs/install.md. The host's administrator pushes
# /etc/chatmail.toml into it.
{
  config,
  lib,
  modulesPath,
  ...
}:
{
  imports = [
    ./provisioned.nix
    "${modulesPath}/virtualisation/proxmox-lxc.nix"
  ];

  system.stateVersion = "26.05";
  # `image` since NixOS 25.05
  system.build.image-proxmox-lxc = config.system.build.image or config.system.build.tarball;

  # the first screen is a shell of the host's administrator: what to do next is on the page
  chatmailImage = {
    cards = [ "/etc/chatmail.toml" ];
    screen = false;
  };

  # a container without rights on its host has no sandbox of its own
  nix.settings.sandbox = false;
  # the relay's own resolver answers
  services.resolved.enable = lib.mkForce false;
}
