# { values, www } -> { settings; pages; locations; httpConfig; }: what the web server of a relay needs. `values` is the
# JSON of services.chatmail, `www` the folder of the pages.
{ values, www }:
let
  chatmail = ../../../../modules/chatmail;
  lab = ../../../../pkgs/chatmail-lab/nix;
  lib = import (lab + "/lib.nix");
  merge = import (lab + "/merge.nix") { inherit lib; };
  cfg =
    merge.options [ "services" "chatmail" ] (import (chatmail + "/options.nix") { inherit lib; })
      [
        (builtins.fromJSON values)
      ];
  description = import (chatmail + "/description.nix") {
    inherit lib cfg;
    programs = {
      inherit www;
      chatmaild = "/usr/bin/chatmaild";
      chatmail = "/usr/bin/chatmail";
      doveadm = "/usr/bin/doveadm";
      libraries = "/usr/lib/chatmail";
      ip = "/usr/sbin/ip";
      nft = "/usr/sbin/nft";
      openssl = "/usr/bin/openssl";
      shell = "/bin/sh";
      systemctl = "/usr/bin/systemctl";
    };
  };
  inherit (merge.config description.config) services;
in
{
  inherit (description) settings pages;
  inherit (services.nginx.virtualHosts.${description.settings.domain}) locations;
  httpConfig = (services.nginx.commonHttpConfig or "") + (services.nginx.appendHttpConfig or "");
}
