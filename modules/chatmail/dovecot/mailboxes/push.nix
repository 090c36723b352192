# { lib, settings, changed, ... } -> services.dovecot2: how chatmail-accounts learns of deliveries: a line of a file for each.
context@{
  lib,
  settings,
  changed,
  ...
}:
let
  inherit (import ../shared.nix context) defaults;
  inherit (settings) sockets;
  # pkgs/preload/plugins/tell-delivery.c
  ours = {
    import_environment.CHATMAIL_DELIVERIES = sockets.deliveries;
    "protocol lmtp".mail_plugins.tell_delivery = true;
  };
  # Dovecot's own way: later, and for 0.1 ms more
  stock = {
    "event_exporter push" = {
      driver = "file";
      file_path = sockets.deliveries;
      format = "json";
    };
    "metric delivered" = {
      exporter = "push";
      filter = "event=mail_delivery_finished";
      exporter_include = [
        "name"
        "fields"
      ];
      # neither the subject nor senders of the header
      fields = [
        "user"
        "mail_from"
        "error"
        "message_id"
        "message_size"
      ];
    };
  };
in
{
  services.dovecot2.settings = defaults (if changed.tellDelivery then ours else stock);
}
