# The machine that ./probe.sh runs in: the minimal example, which makes addresses however busy its host is.
{
  imports = [ ../../../examples/minimal.nix ];
  services.chatmail.registration.maxLoad = 1000;
}
