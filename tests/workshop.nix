# { pkgs } -> { programs; variables; }: programs of nixpkgs for scripts/test --fast, scripts/try and the lab. With these
# variables the scripts install nothing and do not write to the checkout.
{ pkgs }:
let
  inherit (pkgs) lib;
  python = import ./python.nix { inherit pkgs; };
  lab = (import ../pkgs pkgs).chatmail-lab;
in
{
  programs = lab.programs ++ [
    python
    pkgs.bash
    pkgs.coreutils
    pkgs.deltachat-rpc-server
    pkgs.git
    pkgs.gnugrep
    pkgs.nix
  ];
  variables = {
    CHATMAIL_ENVIRONMENT = "${python}";
  }
  // lib.optionalAttrs (lab.keyring != null) { CHATMAIL_LAB_KEYRING = lab.keyring; };
}
