# A machine for ./probe.sh: examples/minimal.nix, which creates accounts at any load of its host.
{
  imports = [ ../../../examples/minimal.nix ];
  services.chatmail.registration.maxLoad = 1000;
}
