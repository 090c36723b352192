# { lib, cfg, programs } -> { settings, services, pages, assertions, warnings, changed, zone, config }: a whole relay as
# plain data.
# `cfg` are the values of services.chatmail, `programs` the paths of what the units run:
#   { chatmail, chatmaild, doveadm, dovecotVersion, ip, libraries, nft, openssl, postqueue, shell, systemctl, www } (libraries: the
#   folder of pkgs/preload, www: the one of the built pages, or null).
# `pages` is what pkgs/chatmail-www builds that folder from.
# `config` is a list of attribute sets in the shape of NixOS' options, one for each file below.
# NixOS merges them in ../chatmail.nix; the lab merges and renders them itself.
{
  lib,
  cfg,
  programs,
}:
let
  inherit (builtins) attrNames filter foldl';
  plain = import ./settings.nix { inherit lib cfg; };
  zone = import ./zone.nix {
    inherit lib;
    settings = plain;
  };
  settings = plain // {
    dns = zone;
    units =
      plain.units ++ services ++ map (timer: "${timer}.timer") (attrNames (ours.timers // backup.timers));
  };
  dovecot = import ./dovecot/versions.nix { inherit lib settings programs; };
  described = map (file: import file context) (files.everywhere ++ files.${role});
  # our own units, of the folder services; and timers that an operator waits for
  ours = foldl' (sum: file: lib.recursiveUpdate sum (import file context).systemd) { timers = { }; } (
    filter (file: dirOf file == ./services) (files.everywhere ++ files.${role})
  );
  backup = (import ./operator/backup.nix context).systemd;
  # Dovecot, Postfix and nginx ask this one about addresses: it has them, or knows the stores that do
  accountsUnit = if role == "front" then "chatmail-directory" else "chatmail-accounts";
  inherit (plain.cluster) role;
  files = import ./cluster/files.nix;
  # those that run all the time, and read the settings when they start
  services =
    filter (name: ours.services.${name} ? wantedBy) (attrNames ours.services)
    ++ lib.optional (role == "store") "chatmail-rebalance";
  context = {
    inherit lib settings programs;
    # settings.imap.{instantIdle,smallSessions} and the rest of dovecot/versions.nix: false where Dovecot's version was not
    # tested with them
    changed = dovecot.changed;
    # where the operator's own files are: certificate, keys
    given = cfg;
    irohProgram = cfg.iroh.program;
    inherit accountsUnit;
    sandbox = import ./hardening.nix;
    bounds = import ./daemons.nix { inherit lib; };
    quiet = import ./privacy.nix { inherit lib; };
  };
in
{
  inherit services settings zone;
  inherit (dovecot) warnings;
  changed = dovecot.changed;
  pages = import ./web/pages.nix { inherit cfg settings; };
  assertions = import ./assertions.nix { inherit lib cfg settings; };
  config = described;
}
