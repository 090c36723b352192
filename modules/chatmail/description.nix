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
  inherit (builtins) attrNames filter;
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
  ours = (import ./chatmaild.nix context).systemd;
  backup = (import ./operator/backup.nix context).systemd;
  # those that run all the time, and read the settings when they start
  services = filter (name: ours.services.${name} ? wantedBy) (attrNames ours.services);
  context = {
    inherit lib settings programs;
    # settings.imap.{instantIdle,smallSessions} and the rest of dovecot/versions.nix: false where Dovecot's version was not
    # tested with them
    changed = dovecot.changed;
    # where the operator's own certificate is; daemons read the one that settings.tls names
    given = cfg.tls;
    irohProgram = cfg.iroh.program;
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
  config = map (file: import file context) [
    ./files.nix
    ./chatmaild.nix
    ./operator/backup.nix
    ./postfix/main.nix
    ./postfix/master.nix
    ./postfix/unit.nix
    ./dovecot/main.nix
    ./dovecot/auth.nix
    ./dovecot/imap.nix
    ./dovecot/delivery.nix
    ./dovecot/push.nix
    ./dovecot/storage.nix
    ./dovecot/conversion.nix
    ./dovecot/clock.nix
    ./dovecot/unit.nix
    ./web/certificate.nix
    ./web/nginx.nix
    ./web/ports.nix
    ./web/pseudonyms.nix
    ./web/site.nix
    ./network/connections.nix
    ./network/coturn.nix
    ./network/iroh.nix
    ./network/move.nix
    ./network/unbound.nix
  ];
}
