# The machine that the flakes of README.md and docs stand for.
{
  imports = [ ../../../templates/operator/hardware-configuration.nix ];
}
