# Port 443 for the relay and for the operator's own sites: in mode `shared' the stream multiplexer owns the port, and
# every virtual host that does not say where it listens moves behind it. It gets the client's own connection.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkIf optional;
  cfg = config.services.chatmail;
  settings = import ../chatmail/settings.nix { inherit lib cfg; };
  inherit (settings) ports;
in
{
  config = mkIf (cfg.enable && settings.web.port443 == "shared") {
    services.nginx.defaultListen = mkDefault (
      map (addr: {
        inherit addr;
        port = ports.http;
        ssl = false;
      }) ([ "0.0.0.0" ] ++ optional settings.network.ipv6 "[::]")
      ++ [
        {
          addr = "unix:${settings.sockets.https}";
          port = null;
          ssl = true;
        }
      ]
    );
  };
}
