# A machine without a battery for its clock (a Raspberry Pi) starts in the past, where no signature in DNS is valid yet.
# The names of time servers are therefore resolved without validation: what they answer sets the clock, and what
# validates everything else afterwards is the clock. A false answer can put the clock off, as whoever answers for such a
# server always could: the protocol has no signatures.
{ config, lib, ... }:
let
  servers = config.networking.timeServers ++ config.services.timesyncd.servers;
  # names, not addresses
  names = lib.filter (server: builtins.match "[0-9.]+|.*:.*" server == null) servers;
in
{
  config = lib.mkIf (config.services.chatmail.enable && names != [ ]) {
    services.unbound.settings.server.domain-insecure = lib.unique names;
  };
}
