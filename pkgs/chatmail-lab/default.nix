# chatmail-lab: relays in containers on a Debian or NixOS machine, for development. The relays are made from the
# checkout that CHATMAIL_CHECKOUT names. `programs` and `keyring` are for those who run the lab from a checkout.
{
  debian-archive-keyring ? null, # younger than some releases, and without it a machine's own is taken
  iproute2,
  lib,
  mmdebstrap,
  openssl,
  python3Packages,
  systemd,
  util-linux,
}:
let
  programs = [
    iproute2
    mmdebstrap
    openssl
    systemd
    util-linux
  ];
  keyring =
    if debian-archive-keyring == null then
      null
    else
      "${debian-archive-keyring}/share/keyrings/debian-archive-keyring.gpg";
in
import ../application.nix { inherit lib python3Packages; } {
  directory = ./.;
  checkInputs = [
    openssl
    util-linux
  ];
  passthru = { inherit programs keyring; };
  makeWrapperArgs = [
    # behind the machine's own: its systemd-nspawn knows its kernel best
    "--suffix PATH : ${lib.makeBinPath programs}"
  ]
  ++ lib.optional (keyring != null) "--set-default CHATMAIL_LAB_KEYRING ${keyring}";
}
