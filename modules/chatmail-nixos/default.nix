# What only a whole NixOS machine has, beside the description that NixOS and the lab share.
{
  imports = [
    ./certificate/acme.nix
    ./auto-upgrade.nix
    ./binary-cache.nix
    ./clock.nix
    ./certificate/fronts.nix
    ./good-neighbour.nix
    ./journald.nix
    ./monitoring.nix
    ./selftest.nix
    ./shared-https.nix
  ];
}
