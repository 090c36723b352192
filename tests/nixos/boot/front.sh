# shellcheck shell=bash
# Runs inside a booted front of examples/cluster whose stores do not answer: it listens, and says `later' to everybody.
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
listens() { # PORT...
  local port
  for port; do ss -Hlnt "sport = :$port" | grep -q . || { echo "no listener on port $port"; return 1; }; done
}
has_no_mailboxes() { ! systemctl --no-legend list-units --all | grep -E "chatmail-(accounts|expire|storage)\.service.* loaded"; }
smtp() { # a recipient is put off, neither taken nor refused for good
  python3 - <<'PYTHON'
import smtplib, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with smtplib.SMTP("127.0.0.1", 25, local_hostname="client.test") as smtp:
    smtp.starttls(context=context)
    smtp.ehlo("client.test")
    smtp.mail("alice@example.net")
    code, reason = smtp.rcpt("somebody@chat.example.org")
    assert 400 <= code < 500, (code, reason)
PYTHON
}
imap() { # a login is put off; no client asks for another password
  python3 - <<'PYTHON'
import imaplib, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
imap = imaplib.IMAP4_SSL("127.0.0.1", ssl_context=context, timeout=30)
try:
    imap.login("somebody1@chat.example.org", "a long password")
except imaplib.IMAP4.error as error:
    assert "UNAVAILABLE" in str(error), error
else:
    raise AssertionError("a login without a store")
PYTHON
}
try 'mail and web listen' listens 25 80 143 443 465 587 993
try 'the tunnel is up' test -e /sys/class/net/chatmail
try 'the directory of stores runs' systemctl is-active chatmail-directory
try 'no unit is about mailboxes' has_no_mailboxes
try 'a recipient waits' smtp
try 'a login waits' imap
exit $failed
