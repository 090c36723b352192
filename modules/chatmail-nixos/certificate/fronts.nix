# Several fronts that each order the certificate (HTTP-01): the issuer asks whichever DNS gives it, and a front that did
# not order asks the others, through their tunnel.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkIf;
  cfg = config.services.chatmail;
  settings = import ../../chatmail/settings.nix { inherit lib cfg; };
  inherit (settings) cluster domain ports;
  others = lib.attrValues (removeAttrs cluster.fronts [ cluster.machine ]);
  server = front: "server [${front.address}]:${toString ports.challenges};";
  upstream = "chatmail_fronts";
in
{
  config =
    mkIf (cfg.enable && cluster.role == "front" && others != [ ] && settings.tls.mode == "acme")
      {
        services.nginx = {
          commonHttpConfig = ''
            upstream ${upstream} {
              ${lib.concatMapStringsSep "\n  " server others}
            }
            # the one that ordered has the file
            proxy_next_upstream error timeout http_404;
          '';
          virtualHosts =
            lib.genAttrs
              [
                domain
                "www.${domain}"
                "mta-sts.${domain}"
              ]
              (_: {
                acmeFallbackHost = mkDefault upstream;
              })
            // {
              "challenges.invalid" = {
                # the address of the tunnel is not there before the tunnel is; ../../chatmail/cluster/firewall.nix
                # lets nobody else connect
                listen = [
                  {
                    addr = "[::]";
                    port = ports.challenges;
                  }
                ];
                locations."/.well-known/acme-challenge/" = {
                  root = import ./webroot.nix;
                  extraConfig = "access_log off;";
                };
                locations."/".return = "404";
              };
            };
        };
      };
}
