# From docs/operate.md.
{
  networking.enableIPv6 = false;
}
