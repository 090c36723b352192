# { lib, settings, sandbox, quiet, ... } -> the unit of iroh-relay, the relay of realtime channels, where the operator
# names the program; what clients ask of it comes through ../web/nginx.nix.
{
  lib,
  settings,
  sandbox,
  quiet,
  ...
}:
let
  inherit (settings) iroh;
in
lib.optionalAttrs (iroh.enable && iroh.program != null) {
  environment.etc."chatmail/iroh-relay.toml".text = ''
    enable_relay = true
    http_bind_addr = "127.0.0.1:${toString iroh.port}"
    # addresses are told by coturn, which is beside it
    enable_stun = false
    enable_metrics = false
  '';

  systemd.services.iroh-relay = {
    description = "Relay of realtime channels (iroh)";
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" ];
    serviceConfig =
      sandbox
      // quiet
      // {
        ExecStart = "${iroh.program} --config-path /etc/chatmail/iroh-relay.toml";
        DynamicUser = true;
        Restart = "always";
        RestartSec = "5s";
        LimitNOFILE = lib.mkDefault 65536;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
      };
  };
}
