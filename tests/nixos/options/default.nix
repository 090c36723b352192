# { lib, machine } -> true: every option of services.chatmail has a case here (./cases.nix) or in
# tests/nix/effects.toml, and the effect in its case; changed settings restart our services. `machine MODULE` evaluates
# a machine with the module.
{ lib, machine }:
let
  relay = {
    imports = [ ../../../examples/minimal.nix ];
  };
  cases = import ./cases.nix { inherit lib; };
  common = builtins.fromTOML (builtins.readFile ../../nix/effects.toml);

  without = machine relay;
  extended =
    module:
    (machine {
      imports = [
        relay
        module
      ];
    }).config;

  names =
    prefix: tree:
    lib.concatMap (
      name:
      if lib.isOption tree.${name} then
        [ (lib.concatStringsSep "." (prefix ++ [ name ])) ]
      else
        names (prefix ++ [ name ]) tree.${name}
    ) (lib.attrNames tree);

  withoutCase = lib.filter (name: !cases ? ${name} && !common ? ${name}) (
    names [ ] without.options.services.chatmail
  );
  withoutEffect = lib.filterAttrs (_: case: !case.holds (extended case.module)) cases;
  alwaysThere = lib.filterAttrs (_: case: case.holds without.config) cases;

  triggers = config: unit: map toString config.systemd.services.${unit}.restartTriggers;
  changed = extended { services.chatmail.mail.maxRecipients = 2000; };
  units = (builtins.fromJSON without.config.environment.etc."chatmail/settings.json".text).units;
  # chatmail-connections reads a file of its own
  services = lib.filter (
    unit:
    lib.hasPrefix "chatmail-" unit && !lib.hasSuffix ".timer" unit && unit != "chatmail-connections"
  ) units;
  notRestarted = lib.filter (unit: triggers without.config unit == triggers changed unit) services;
  # the names of time servers resolve while the clock is wrong
  clock = extended {
    networking.timeServers = [
      "time.example.org"
      "192.0.2.123"
      "2001:db8::123"
    ];
  };
  trusted = clock.services.unbound.settings.server.domain-insecure;
  # with systemd-networkd, too, the machine uses the relay's resolver
  networkd = extended {
    networking.useNetworkd = true;
    networking.useDHCP = false;
  };
  # NixOS' desktop modules set these limits, also by mkDefault
  desktop = extended {
    boot.kernel.sysctl = {
      "fs.inotify.max_user_instances" = lib.mkDefault 524289;
      "fs.inotify.max_user_watches" = lib.mkDefault 524289;
    };
  };
  limits = lib.attrVals [
    "fs.inotify.max_user_instances"
    "fs.inotify.max_user_watches"
  ] desktop.boot.kernel.sysctl;
  # a switch succeeds before the domain is in DNS
  order = without.config.systemd.services."acme-order-renew-chat.example.org".serviceConfig;
  # services run the package that an overlay replaced
  replaced = extended {
    nixpkgs.overlays = [
      (final: _: {
        chatmailPackages = import ../../../pkgs final // {
          chatmail-preload = final.writeText "another-preload" "";
        };
      })
    ];
  };
  preloaded = replaced.systemd.services.postfix.environment.LD_PRELOAD;
  shown = lib.concatStringsSep ", ";
in
if withoutCase != [ ] then
  throw "options without a case: ${shown withoutCase}"
else if withoutEffect != { } then
  throw "options without the effect in their case: ${shown (lib.attrNames withoutEffect)}"
else if alwaysThere != { } then
  throw "effects that also hold without the option: ${shown (lib.attrNames alwaysThere)}"
else if notRestarted != [ ] then
  throw "changed settings do not restart: ${shown notRestarted}"
else if trusted != [ "time.example.org" ] then
  throw "resolved without DNSSEC must be the time server only, not: ${shown trusted}"
else if networkd.services.resolved.enable || !networkd.networking.resolvconf.useLocalResolver then
  throw "with systemd-networkd, the machine does not use the relay's resolver"
else if lib.any (limit: limit != 524289) limits then
  throw "the relay lowers limits of inotify"
else if !lib.hasInfix "chatmail-names-are-in-dns" (order.ExecCondition or "") then
  throw "the certificate order does not wait for the domain in DNS"
else if !lib.hasInfix "another-preload" preloaded then
  throw "Postfix does not preload the package of an overlay, but: ${preloaded}"
else
  true
