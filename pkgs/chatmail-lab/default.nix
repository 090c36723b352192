# chatmail-lab: relays in containers on a Debian or NixOS machine, for development. The relays are made from this
# checkout, which CHATMAIL_CHECKOUT names.
{
  iproute2,
  lib,
  mmdebstrap,
  openssl,
  python3Packages,
  systemd,
  util-linux,
}:
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [ ];
  # behind the machine's own: its systemd-nspawn knows its kernel best
  makeWrapperArgs = [
    "--suffix PATH : ${
      lib.makeBinPath [
        iproute2
        mmdebstrap
        openssl
        systemd
        util-linux
      ]
    }"
  ];
}
