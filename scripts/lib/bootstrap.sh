# shellcheck shell=bash disable=SC2034
# Sourced by scripts/*: installs the programs and Python packages that they need, and says so.
# In the flake's shell and apps CHATMAIL_ENVIRONMENT is a Python with all packages, and programs are in PATH, so
# nothing is installed.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache="$checkout/.cache"
requirements="$checkout/tests/requirements.txt"
venv="" # set by need_venv

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

stop() {
  printf '%s\n' "$*" >&2
  exit 1
}

# need_packages PACKAGE… : installs missing Debian packages.
# Other systems install nothing; the lab names a missing program itself.
need_packages() {
  local missing=() package
  [[ -z ${CHATMAIL_ENVIRONMENT:-} ]] || return 0
  command -v dpkg-query apt-get >/dev/null || return 0
  for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || stop "missing programs: install them with \`sudo apt-get install ${missing[*]}\`"
  say "installing with apt: ${missing[*]}"
  mkdir -p "$cache"
  {
    apt-get update --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
  } >"$cache/apt.log" 2>&1 || {
    tail -n 20 "$cache/apt.log" >&2
    stop "apt-get failed; the whole output is in $cache/apt.log"
  }
}

# need_venv : a Python environment with exactly the packages of tests/requirements.txt, and the modules of this
# checkout. Its name is a hash of the list, so a change makes a new one and running programs keep theirs.
need_venv() {
  export PYTHONPATH="$checkout/scripts/lib:$checkout/pkgs/chatmail-testkit/src${PYTHONPATH:+:$PYTHONPATH}"
  if [[ -n ${CHATMAIL_ENVIRONMENT:-} ]]; then
    venv=$CHATMAIL_ENVIRONMENT
    export CHATMAIL_PYTHON="$venv/bin/python"
    return 0
  fi
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "Python 3.11 or newer is needed"
  local made_from
  made_from=$(cat "$requirements" <(python3 --version) | sha256sum)
  venv="$cache/venv-${made_from:0:12}"
  export CHATMAIL_PYTHON="$venv/bin/python" # scripts/lab uses it, too
  mkdir -p "$cache"
  exec {lock}>"$cache/venv.lock"
  flock "$lock"
  if [[ ! -f $venv/complete ]]; then
    say "installing the Python packages of tests/requirements.txt in .cache"
    rm -rf "$venv"
    {
      python3 -m venv "$venv" &&
        "$venv/bin/python" -m pip install --disable-pip-version-check --requirement "$requirements"
    } >"$cache/pip.log" 2>&1 || {
      tail -n 20 "$cache/pip.log" >&2
      stop "pip failed; the whole output is in $cache/pip.log"
    }
    touch "$venv/complete"
  fi
  exec {lock}>&-
}

# Programs that the lab needs; pkgs/chatmail-lab checks the same list.
lab_packages=(mmdebstrap systemd-container iproute2 util-linux openssl debian-archive-keyring)
# For tests of alerts and panels: 19 MB, 96 MB installed.
monitoring_packages=(prometheus)
# For tests with an ACME server: 12 MB, 47 MB installed.
acme_packages=(acmetool lego openssl pebble)
# For the C programs of scripts/scale directory.
compiler_packages=(gcc libc6-dev)
python_packages=(python3 python3-venv git)
