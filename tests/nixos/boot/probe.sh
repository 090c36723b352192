# shellcheck shell=bash
# Runs inside a booted NixOS relay (examples/minimal.nix): logs in to create accounts, sends and fetches a message, and
# tries what must be refused. Exits 1 if a check fails.
set -u
export PATH=/run/current-system/sw/bin:/usr/bin:/usr/sbin
setting() { # KEY...: a value of the relay's settings
  python3 -c 'import functools, json, sys; print(functools.reduce(dict.get, sys.argv[1:], json.load(open("/etc/chatmail/settings.json"))))' "$@"
}
domain=${DOMAIN:-$(setting mailDomain)}
port443=$(setting web port443)
host=${domain//[\[\]]/} # a domain literal without its brackets
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

listening() { # PROTOCOL PORT...
  local protocol=$1 port
  shift
  for port; do ss -Hln"$protocol" "sport = :$port" | grep -q . || { echo "no listener on port $port"; return 1; }; done
}

mail() { # STEP: see the Python program below
  python3 - "$domain" "$1" <<'PYTHON'
"""mail.py DOMAIN STEP: one step of a mail client, with the standard library only."""
import base64
import imaplib
import smtplib
import ssl
import sys
import time

domain, step = sys.argv[1:]
alice, bob = f"alice1234@{domain}", f"bobby5678@{domain}"
password = "correct horse battery"
# the certificate is self-signed until ACME has ordered one
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE

# a session key for a passphrase and encrypted data (RFC 9580 sections 4.2.1, 5.3.1 and 5.13.1)
packets = bytes([0xC3, 13, 4, 9, 3, 8, *bytes(8), 0x60]) + bytes([0xD2, 192, 8, 1]) + bytes(199)
armour = (
    "-----BEGIN PGP MESSAGE-----\r\n\r\n"
    + base64.encodebytes(packets).decode().replace("\n", "\r\n")
    + "-----END PGP MESSAGE-----\r\n"
)


def message(subject: str, *, encrypted: bool, sender: str = alice) -> bytes:
    head = (
        f"From: {sender}\r\nTo: {bob}\r\nSubject: {subject}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        f"Message-ID: <{time.time_ns()}@{domain}>\r\nMIME-Version: 1.0\r\n"
    )
    if not encrypted:
        return (head + "Content-Type: text/plain\r\n\r\nhello\r\n").encode()
    return (
        head + 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        f"--b\r\nContent-Type: application/octet-stream\r\n\r\n{armour}--b--\r\n"
    ).encode()


def inbox(user: str, port: int = 993) -> imaplib.IMAP4_SSL:
    session = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=tls)
    session.login(user, password)
    session.select("INBOX")
    return session


def submit(port: int, text: bytes) -> None:
    if port == 587:
        session = smtplib.SMTP("127.0.0.1", port, local_hostname="[127.0.0.1]")
        session.starttls(context=tls)
    else:
        session = smtplib.SMTP_SSL("127.0.0.1", port, local_hostname="[127.0.0.1]", context=tls)
    with session:
        session.login(alice, password)
        session.sendmail(alice, [bob], text)


def messages(user: str) -> int:
    session = inbox(user)
    count = len(session.search(None, "ALL")[1][0].split())
    session.logout()
    return count


if step == "login":
    for user in (alice, bob):
        inbox(user).logout()
elif step == "alpn":
    tls.set_alpn_protocols(["imap"])
    inbox(alice, 443).logout()
elif step.startswith("submit"):
    before = messages(bob)
    submit(int(step.removeprefix("submit")), message("secret", encrypted=True))
    deadline = time.monotonic() + 10
    while messages(bob) == before:
        assert time.monotonic() < deadline, "the message did not arrive"
        time.sleep(0.05)
elif step == "cleaned":
    session = inbox(bob)
    text = session.fetch("1", "(BODY.PEEK[HEADER])")[1][0][1].decode().lower()
    assert "subject: [...]" in text, text
    assert "127.0.0.1" not in text, text
    assert "received:" not in text, text
elif step == "plain":
    try:
        submit(465, message("plain", encrypted=False))
    except smtplib.SMTPDataError as refusal:
        assert refusal.smtp_code == 523, refusal
        assert b"Invalid Unencrypted Mail" in refusal.smtp_error, refusal
    else:
        raise AssertionError("a message in clear text was accepted")
elif step == "port25":
    with smtplib.SMTP("127.0.0.1", 25, local_hostname="elsewhere.example") as session:
        session.starttls(context=tls)
        session.ehlo()
        codes = [session.verify(f"<{user}>")[0] for user in (alice, f"nobody@{domain}")]
        assert codes == [252, 252], codes
        sender = "someone@elsewhere.example"
        assert session.mail(sender)[0] == 250
        unknown, known, foreign = (
            session.rcpt(user) for user in (f"nobody@{domain}", bob, "x@foreign.example")
        )
        assert (unknown[0], unknown[1][:5]) == (550, b"5.1.1"), unknown
        assert known[0] == 250, known
        assert foreign[0] == 554, foreign
        code, text = session.data(message("unsigned", encrypted=True, sender=sender))
        assert (code, text[:5]) == (554, b"5.7.1"), (code, text)
PYTHON
}

drained() { # our ExecStop stops Postfix within the limits of NixOS' unit, and Postfix starts again
  systemctl restart postfix
  local shown
  shown=$(systemctl show -p ExecStop,Result,ActiveState postfix; journalctl --no-pager -b -u postfix)
  grep -q 'drain-postfix' <<< "$shown" && grep -qx 'Result=success' <<< "$shown" \
    && grep -qx 'ActiveState=active' <<< "$shown" && ! grep -E 'Failed with|Control process exited' <<< "$shown"
}

confined() { # no unit has more rights than intended (`systemd-analyze security`: 0 is none, 10 is all)
  local unit limit score too_many=0
  for unit in $(systemctl list-units --all --plain --no-legend --type=service 'chatmail-*' postfix.service \
    dovecot.service nginx.service unbound.service coturn.service | awk '{print $1}'); do
    case $unit in
      # root's tools: they change the system, or do what the operator does
      chatmail-upgrade.service | chatmail-selftest.service) continue ;;
      chatmail-*) limit=1.5 ;;
      postfix.service | dovecot.service) limit=4.5 ;;
      *) limit=2.5 ;;
    esac
    [ "$(systemctl show -p LoadState --value "$unit")" = loaded ] || continue # another unit merely names it
    score=$(systemd-analyze security --no-pager "$unit" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
    awk -v score="$score" -v limit="$limit" 'BEGIN { exit !(score != "" && score <= limit) }' \
      || { echo "$unit: exposure '$score', at most $limit is intended"; too_many=1; }
  done
  return "$too_many"
}

web_port=443
[ "$port443" != off ] || web_port=$(setting ports httpsInternal) # the port that another web server proxies to
https() { # PATH PATTERN CURL-OPTIONS...
  local path=$1 pattern=$2
  shift 2
  curl -m 5 -sSk -i --connect-to "::127.0.0.1:$web_port" "$@" "https://$host$path" | tr -d '\r' | grep -qE "$pattern"
}

web_ports=(80 443)
[ "$port443" != off ] || web_ports=()
try "Postfix is restarted" drained
try "all ports have listeners" listening t 25 143 465 587 993 "${web_ports[@]}"
[ "$(setting turn enable)" = False ] || try "coturn listens" listening u 3478
try "a login creates an account" mail login
[ "$port443" != shared ] || try "IMAP on port 443" mail alpn
try "a message over port 587" mail submit587
try "a message over port 465" mail submit465
try "the header has no trace of the client" mail cleaned
try "clear text is refused" mail plain
try "port 25 accepts our recipients only, and requires a signature" mail port25
try "POST /new" https /new '"email": ?"[^"]+@' -X POST
# without a trusted certificate the response has the login itself
try "GET /new" https /new '^location: dcaccount:|"dclogin_url": ?"dclogin:'
try "/mxdeliv requires POST" https /mxdeliv '^HTTP/[0-9.]+ 405'
try "autoconfig" https /.well-known/autoconfig/mail/config-v1.1.xml '<port>993</port>'
try "robots.txt" https /robots.txt '^Disallow: /$'
[ "$host" != "$domain" ] || try "the zone to publish" bash -c 'chatmail dns | grep -E "[[:space:]]MX[[:space:]]"'
try "units have only the rights they need" confined
try "the expiry timer is active" systemctl is-active chatmail-expire.timer
try "the expiry succeeds" systemctl start chatmail-expire.service
# what needs no other machine: a build has no network
checks=(units space queue new login metadata plain-text message stun turn mxdeliv-in)
try "the self-test passes" chatmail selftest "${checks[@]/#/--only=}"

# the journal has no address and no password
if lines=$(journalctl --no-pager -b | grep -m 3 -E "alice1234|bobby5678|correct horse"); then
  printf 'FAILED: the journal has personal data\n%s\n' "$lines"
  failed=1
else
  echo "ok: the journal has no personal data"
fi
exit $failed
