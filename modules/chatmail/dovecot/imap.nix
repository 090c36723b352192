# { lib, settings, ... } -> services.dovecot2: IMAP sessions and folders; how they begin is in ./login.nix.
context@{
  lib,
  settings,
  changed,
  ...
}:
let
  inherit (import ./shared.nix context) clients defaults instantIdle;
  inherit (settings)
    cluster
    limits
    sockets
    users
    ;
  # what clients look for
  own = [
    "XCHATMAIL"
    "XDELTAPUSH"
  ];
  specialUse = name: { special_use = "\\${name}"; };
  process = {
    # the processes behind the login alone have a `-o'
    executable = lib.concatStringsSep " " (
      [ "imap" ] ++ map (name: "-o imap_capability/${name}=yes") own
    );
    user = users.mail;
    extra_groups = users.dovecot;
    restart_request_count = 1000;
    vsz_limit = "1G";
  };
  # Sessions share processes, because the start of one costs more than a login or a notice. instantIdle notifies them
  # all; Dovecot's own code notifies one of two sessions of a mailbox in a process. A crash ends all of its sessions.
  shared = sessions: if changed.instantIdle then sessions else 1;
  # sessions of a front are on the stores
  spare = if cluster.role == "front" then 0 else 2;
in
{
  services.dovecot2.settings = defaults {
    # --- IMAP
    # a session that waits costs a tenth of one that works
    imap_hibernate_timeout = "${toString settings.imap.hibernateAfterSeconds}s";
    "service imap" = process // {
      # When thousands return at once, processes that start would keep both cores of a small machine busy.
      client_limit = shared 50;
      process_limit = limits.imapConnections;
      # warm ones, so that neither a login nor a new message waits for a fork
      process_min_avail = spare;
      # a process whose session sleeps is not kept for a minute in case of another
      idle_kill_interval = "1s";
      "unix_listener imap-master".mode = "0";
    };
    # sessions that wake from hibernation, which do not wait behind logins
    "service imap-wake" = process // {
      # more than above: fewer processes hear of each connection
      client_limit = shared 200;
      process_limit = limits.imapConnections;
      process_min_avail = spare;
      "unix_listener imap-master" = {
        user = users.dovecot;
        mode = "0600";
      };
      # `doveadm kick' looks for it as one of `service imap', whose own listener has the same path without the dot
      "unix_listener \"srv.imap/./%{pid}\"" = {
        type = "admin";
        mode = "0600";
      };
    };
    "service imap-hibernate" = {
      # The second process starts when the first is full: a session needs two file descriptors.
      client_limit = clients * 2 / 3;
      "unix_listener imap-hibernate" = {
        mode = "0660";
        group = users.dovecot;
      };
    };
    "protocol imap" = {
      # ../network/connections.nix counts connections
      mail_max_userip_connections = "unlimited";
      mail_plugins = {
        imap_quota = true;
      }
      // instantIdle;
      imap_metadata = true;
      imap_capability = {
        # a compressed session cannot hibernate
        "\"COMPRESS=DEFLATE\"" = false;
      }
      // lib.optionalAttrs (!settings.imap.discreetLogin) (lib.genAttrs own (_: true));
    };
    "mail_attribute"."dict proxy" = {
      name = "metadata";
      socket_path = sockets.metadata;
    };
    "namespace inbox" = {
      inbox = true;
      separator = "/";
      "mailbox Drafts" = specialUse "Drafts";
      "mailbox Junk" = specialUse "Junk";
      "mailbox Sent" = specialUse "Sent";
      "mailbox Trash" = specialUse "Trash";
    };
  };
}
