# { lib, settings, irohProgram, sandbox, quiet, ... } -> the unit of iroh-relay, the relay of realtime channels; what
# clients ask of it comes through ../web/nginx.nix, which limits their connections.
{
  lib,
  settings,
  irohProgram,
  sandbox,
  quiet,
  ...
}:
let
  inherit (settings) cluster iroh;
  isCluster = cluster.role != "all";
in
lib.optionalAttrs iroh.runs {
  environment.etc."chatmail/iroh-relay.toml".text = ''
    enable_relay = true
    http_bind_addr = "${iroh.host}:${toString iroh.port}"
    # addresses are told by coturn, which is beside it
    enable_stun = false
    enable_metrics = false

    # Anybody may use the relay, as any client may talk to ours. An app's message has 128 kB at most.
    [limits.client.rx]
    bytes_per_second = 1048576
    max_burst_bytes = 4194304
  '';

  systemd.services.iroh-relay = {
    description = "Relay of realtime channels (iroh)";
    wantedBy = [ "multi-user.target" ];
    after = [ "network.target" ];
    serviceConfig =
      sandbox
      // quiet
      // {
        ExecStart = "${irohProgram} --config-path /etc/chatmail/iroh-relay.toml";
        DynamicUser = true;
        Restart = "always";
        RestartSec = "5s";
        LimitNOFILE = lib.mkDefault 65536;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_UNIX"
        ]
        ++ lib.optional isCluster "AF_INET6";
        # it answers nginx, and asks nobody
        IPAddressDeny = "any";
        IPAddressAllow =
          if isCluster then map (front: front.address) (lib.attrValues cluster.fronts) else "localhost";
      };
  };
}
