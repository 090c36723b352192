# { lib, machine } -> true: every option of services.chatmail has the effect on a machine that its case names (./cases.nix),
# and every option has a case, there or in tests/nix/effects.toml; a switch to other settings starts our services again.
# `machine MODULE` is evaluated only.
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

  forgotten = lib.filter (name: !cases ? ${name} && !common ? ${name}) (
    names [ ] without.options.services.chatmail
  );
  idle = lib.filterAttrs (_: case: !case.holds (extended case.module)) cases;
  anyway = lib.filterAttrs (_: case: case.holds without.config) cases;

  triggers = config: unit: map toString config.systemd.services.${unit}.restartTriggers;
  changed = extended { services.chatmail.mail.maxRecipients = 2000; };
  units = (builtins.fromJSON without.config.environment.etc."chatmail/settings.json".text).units;
  services = lib.filter (unit: lib.hasPrefix "chatmail-" unit && !lib.hasSuffix ".timer" unit) units;
  asleep = lib.filter (unit: triggers without.config unit == triggers changed unit) services;
  # what sets the clock must not need it
  clock = extended {
    networking.timeServers = [
      "time.example.org"
      "192.0.2.123"
      "2001:db8::123"
    ];
  };
  trusted = clock.services.unbound.settings.server.domain-insecure;
  # the resolver of the machine is the relay's, whoever sets up the network
  networkd = extended {
    networking.useNetworkd = true;
    networking.useDHCP = false;
  };
  # a desktop beside the relay has limits of its own, as defaults, too
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
  # a switch on a machine whose name nobody knows yet succeeds
  order = without.config.systemd.services."acme-order-renew-chat.example.org".serviceConfig;
  # a package of ours that an overlay replaces is the one that runs
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
if forgotten != [ ] then
  throw "options without a case: ${shown forgotten}"
else if idle != { } then
  throw "options without their effect: ${shown (lib.attrNames idle)}"
else if anyway != { } then
  throw "effects that are there without the option: ${shown (lib.attrNames anyway)}"
else if asleep != [ ] then
  throw "not started again with other settings: ${shown asleep}"
else if trusted != [ "time.example.org" ] then
  throw "resolved without validation, instead of the time server: ${shown trusted}"
else if networkd.services.resolved.enable || !networkd.networking.resolvconf.useLocalResolver then
  throw "with systemd-networkd, the machine does not ask the relay's resolver"
else if lib.any (limit: limit != 524289) limits then
  throw "the relay has its own limits of inotify in place of larger ones"
else if !lib.hasInfix "chatmail-names-are-in-dns" (order.ExecCondition or "") then
  throw "a certificate is ordered before the domain is in DNS"
else if !lib.hasInfix "another-preload" preloaded then
  throw "runs instead of the package of an overlay: ${preloaded}"
else
  true
