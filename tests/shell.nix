# { pkgs } -> the shell of `nix develop`: what the scripts, the formatters and a release need.
{ pkgs }:
let
  inherit (pkgs) lib;
  workshop = import ./workshop.nix { inherit pkgs; };
in
pkgs.mkShell {
  packages =
    workshop.programs
    ++ [
      pkgs.deadnix
      pkgs.nixfmt
      pkgs.statix
      pkgs.treefmt
    ]
    # a package set that was cut down has none of these
    ++ lib.optional (pkgs ? mdbook) pkgs.mdbook
    ++ lib.optional (pkgs ? pre-commit) pkgs.pre-commit
    ++ lib.optional (pkgs ? towncrier) pkgs.towncrier;
  env = workshop.variables;
}
