# shellcheck shell=bash
# Runs inside a booted ./setup.nix: first no chatmail.toml, then one with a mistake, then a valid one.
export PATH=/run/current-system/sw/bin:/usr/bin:/usr/sbin
rc=0
page() { curl -m 5 -sS http://127.0.0.1:8080/; }
shows() { # TITLE TEXT: the page has the text within 120 s
  for _ in $(seq 240); do page 2>/dev/null | grep -q "$2" && { echo "ok: $1"; return; }; sleep 0.5; done
  echo "FAILED: $1: $(page)"; rc=1
}
# this machine has no build users, and Nix may not create a sandbox
mkdir -p /etc/nix && printf 'sandbox = false\nbuild-users-group =\n' >/etc/nix/nix.conf
shows "no file" "chatmail.toml is missing"
echo 'domian = "chat.ada.example"' >/etc/chatmail.toml
systemctl restart chatmail-setup
shows "a mistake" "do you mean domain"
echo 'domain = "chat.ada.example"' >/etc/chatmail.toml
systemctl restart chatmail-setup
shows "the zone" "_domainkey.chat.ada.example"
chatmail selftest
! grep -rl placeholder.invalid /etc/ || { echo "FAILED: a file has the placeholder domain"; rc=1; }
journalctl -u chatmail-setup --no-pager -o cat | tail -20
exit $rc
