# From docs/install.md.
{
  networking.enableIPv6 = false;
}
