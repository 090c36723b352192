# { lib, settings, ... } -> services.dovecot2: where IMAP sessions begin. Clients come to a front or to the only machine;
# a store hears fronts alone, in their tunnel, without TLS of its own.
context@{ lib, settings, ... }:
let
  inherit (import ./shared.nix context)
    clients
    defaults
    inTunnel
    ;
  inherit (settings) cluster ports users;
  sessions = clients * 2 / 3;
  # On a front, which may be large: a waiting session takes 45 KiB here; 96 KiB are enough in a storm, too.
  wanted = sessions * 96 / 1024;
  memory = if cluster.role == "front" && wanted > 1024 then "${toString wanted}M" else "1G";
  public = {
    "inet_listener imap".port = ports.imap;
    "inet_listener imaps" = {
      port = ports.imaps;
      ssl = true;
    };
    # from port 443, where nginx tells the client's address first (PROXY protocol)
    "inet_listener imaps-internal" = {
      port = ports.imapsInternal;
      listen = "127.0.0.1";
      # Dovecot 2.4.1 looks for its users once more where `listen' is set, and there only
      default_internal_user = users.dovecot;
      default_internal_group = users.dovecot;
      ssl = true;
      haproxy = true;
    };
  };
  # `imaps' is there by default
  fromFronts = {
    "inet_listener imap" = inTunnel ports.imap;
    "inet_listener imaps".port = 0;
  };
in
{
  services.dovecot2.settings = defaults (
    {
      login_greeting = "IMAP server ready.";
      "service imap-login" = {
        restart_request_count = "unlimited";
        # Each process has a key of its own for TLS session tickets, so one alone lets all clients resume their session.
        # The second one starts when the first is full. It has room for connections that have not logged in yet.
        process_min_avail = 1;
        process_limit = 2;
        client_limit = sessions;
        vsz_limit = memory;
      }
      // (if cluster.role == "store" then fromFronts else public);
    }
    // (
      if cluster.role == "store" then
        {
          ssl = "no";
          auth_allow_cleartext = true;
        }
      else
        {
          ssl = "required";
          ssl_min_protocol = "TLSv1.3";
          ssl_server_cert_file = settings.tls.certificateFile;
          ssl_server_key_file = settings.tls.keyFile;
          haproxy_trusted_networks = "127.0.0.0/8";
        }
    )
  );
}
