# { config, pkgs } -> { relay; here; }: our packages for the machine that becomes a relay, and for the one that builds
# it, which runs some of them meanwhile. They differ where a system is built for another processor.
{ config, pkgs }:
let
  of = pkgs: pkgs.chatmailPackages or (import ../../pkgs pkgs);
  inherit (config.services.chatmail) package;
  runsHere = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
in
{
  relay =
    let
      ours = of pkgs;
    in
    ours
    // {
      # against the headers of the Dovecot that runs it
      chatmail-preload = ours.chatmail-preload.override or (_: ours.chatmail-preload) {
        dovecot = config.services.dovecot2.package;
      };
    }
    // pkgs.lib.optionalAttrs (package != null) { chatmaild = package; };
  here =
    of pkgs.buildPackages
    // pkgs.lib.optionalAttrs (package != null && runsHere) { chatmaild = package; };
}
