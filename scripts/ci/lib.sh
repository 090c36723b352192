# shellcheck shell=bash
# Sourced by scripts/ci/*: shared functions of the steps of .github/workflows. They need only Nix.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$checkout" || exit

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

stop() {
  printf '%s\n' "$*" >&2
  exit 1
}

# reads from our own cache if its public key is set
experimental="experimental-features = nix-command flakes"
if [[ -n ${CACHE_URL:-} && -n ${CACHE_PUBLIC_KEY:-} ]]; then
  experimental+=$'\n'"extra-substituters = $CACHE_URL"
  experimental+=$'\n'"extra-trusted-public-keys = $CACHE_PUBLIC_KEY"
fi
export NIX_CONFIG="${NIX_CONFIG:+$NIX_CONFIG$'\n'}$experimental"

# system : this machine's system, as Nix names it
system() { nix eval --raw --impure --expr builtins.currentSystem; }

# names OUTPUT : attribute names of a flake output for this system, one per line
names() {
  nix eval --raw ".#$1.$(system)" --apply 'set: builtins.concatStringsSep "\n" (builtins.attrNames set)'
  echo
}
