# { lib, inputs } -> true: the flakes that chatmail-install writes evaluate, and have disks, a boot loader and a
# network. The flakes are the golden files of its unit tests.
{ lib, inputs }:
let
  golden = ../../../pkgs/chatmail-install/tests/golden;
  machine = name: ((import (golden + "/${name}/flake.nix")).outputs inputs).nixosConfigurations.relay;
  failuresOf =
    name:
    let
      inherit (machine name) config;
      network = config.systemd.network.units."10-uplink.network".text or "DHCP";
      facts = {
        "no boot loader" = config.boot.loader.grub.enable && config.boot.loader.grub.devices != [ ];
        "no root" = config.fileSystems."/".device == "/dev/disk/by-partlabel/disk-main-root";
        "no key" = config.users.users.root.openssh.authorizedKeys.keys != [ ];
        "no network" = network == "DHCP" || lib.hasInfix "Gateway=" network;
        "two resolvers" = !config.services.resolved.enable;
      };
    in
    map (failed: "${name}: ${failed.message}") (
      lib.filter (assertion: !assertion.assertion) config.assertions
    )
    ++ map (fact: "${name}: ${fact}") (lib.attrNames (lib.filterAttrs (_: holds: !holds) facts));
  failures = lib.concatMap failuresOf (lib.attrNames (builtins.readDir golden));
in
if failures != [ ] then throw (lib.concatStringsSep "\n" failures) else true
