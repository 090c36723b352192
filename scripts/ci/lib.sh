# shellcheck shell=bash
# Sourced by scripts/ci/*, the steps of .github/workflows. All of them run on any machine with Nix.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$checkout" || exit

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

stop() {
  printf '%s\n' "$*" >&2
  exit 1
}

# our binary cache is used if its public key is given
experimental="experimental-features = nix-command flakes"
if [[ -n ${CACHE_URL:-} && -n ${CACHE_PUBLIC_KEY:-} ]]; then
  experimental+=$'\n'"extra-substituters = $CACHE_URL"
  experimental+=$'\n'"extra-trusted-public-keys = $CACHE_PUBLIC_KEY"
fi
export NIX_CONFIG="${NIX_CONFIG:+$NIX_CONFIG$'\n'}$experimental"

# system : the system of this machine, such as x86_64-linux
system() { nix eval --raw --impure --expr builtins.currentSystem; }

# names OUTPUT : attribute names of OUTPUT for this system, one per line
names() {
  nix eval --raw ".#$1.$(system)" --apply 'set: builtins.concatStringsSep "\n" (builtins.attrNames set)'
  echo
}
