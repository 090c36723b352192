# pkgs -> the packages of this repository, made of that package set. `overlays.default` of the flake has them as
# `chatmailPackages`: whoever replaces one there, replaces it in the relay.
pkgs:
pkgs.lib.mapAttrs (_: directory: pkgs.callPackage directory { }) {
  chatmail-install = ./chatmail-install;
  chatmail-lab = ./chatmail-lab;
  chatmail-monitoring = ./chatmail-monitoring;
  chatmail-preload = ./preload;
  chatmail-setup = ./chatmail-setup;
  chatmail-testkit = ./chatmail-testkit;
  chatmail-upgrade = ./chatmail-upgrade;
  chatmail-www = ./chatmail-www;
  chatmaild = ./chatmaild;
}
# a package set without Rust has the others
// pkgs.lib.optionalAttrs (pkgs ? rustPlatform) {
  iroh-relay = pkgs.callPackage ./iroh-relay { };
}
