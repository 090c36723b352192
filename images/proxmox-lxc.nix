# Container image for Proxmox: `nix build .#image-proxmox-lxc`; docs/install.md. `pct push` writes its
# /etc/chatmail.toml.
{
  config,
  lib,
  modulesPath,
  ...
}:
{
  imports = [
    ./setup.nix
    "${modulesPath}/virtualisation/proxmox-lxc.nix"
  ];

  system.stateVersion = "26.05";
  # `image` since NixOS 25.05
  system.build.image-proxmox-lxc = config.system.build.image or config.system.build.tarball;

  # the host's administrator has a shell on the first screen; the page shows what to do next
  chatmailImage = {
    setupFiles = [ "/etc/chatmail.toml" ];
    screen = false;
  };

  # an unprivileged container cannot make Nix' sandbox
  nix.settings.sandbox = false;
  # unbound of the relay is the resolver
  services.resolved.enable = lib.mkForce false;
}
