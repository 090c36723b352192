# shellcheck shell=bash
# Runs inside a booted store of examples/cluster whose fronts do not answer: it listens in the tunnel alone.
set -u
export PATH=/run/current-system/sw/bin:/usr/bin:/usr/sbin
failed=0
try() { # TITLE COMMAND...: must succeed within 20 s
  local title=$1 deadline=$((SECONDS + 20)) out
  shift
  while ! out=$("$@" 2>&1); do
    if [ $SECONDS -ge $deadline ]; then
      printf 'FAILED: %s\n%s\n' "$title" "$(tail -5 <<< "$out")"
      failed=1
      return
    fi
    sleep 0.2
  done
  echo "ok: $title"
}
address=$(python3 -c 'import json; print(json.load(open("/etc/chatmail/settings.json"))["cluster"]["address"])')
in_tunnel() { # PORT...
  local port
  for port; do
    ss -Hln6t "sport = :$port" | grep -qF "[$address]" || { echo "port $port: $(ss -Hlnt "sport = :$port")"; return 1; }
  done
}
nothing_else_listens() { # but for the machine itself, and what it was before
  ! ss -Hlnt | awk '{print $4}' | grep -vF "[$address]" | grep -vE '^(127\.|\[::1\])'
}
has_no_entrance() { ! systemctl is-active postfix nginx chatmail-filter chatmail-transport chatmail-directory; }
creates_an_address() { # of a name that fronts look for here
  local address
  address=$(chatmail address create | head -1) && chatmail address list --plain | grep -qxF "$address"
}
try 'IMAP, LMTP and the accounts listen in the tunnel' in_tunnel 24 143 8702
try 'nothing is public' nothing_else_listens
try 'no unit is about mail on its way' has_no_entrance
try 'an operator creates an address' creates_an_address
exit $failed
