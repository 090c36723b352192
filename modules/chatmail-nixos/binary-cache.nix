# A binary cache with our packages, beside those that the machine has: used where its key is given.
{ config, lib, ... }:
let
  cfg = config.services.chatmail;
  inherit (cfg.binaryCache) publicKey url;
in
{
  config = lib.mkIf (cfg.enable && url != null) {
    assertions = [
      {
        assertion = publicKey != null;
        message = ''
          services.chatmail.binaryCache.url is set, and services.chatmail.binaryCache.publicKey is not, so nothing would
          be taken from the cache. Give the key that its owner publishes.
        '';
      }
    ];
    nix.settings = lib.mkIf (publicKey != null) {
      extra-substituters = [ url ];
      extra-trusted-public-keys = [ publicKey ];
    };
  };
}
