# shellcheck shell=sh
# Takes the given pair, $CERTIFICATE and $KEY, into use: copies both to where the daemons read them (the working
# directory), if they belong together. If not, the pair from before stays, and the file `problem` says why; where there
# is none, `provisional` makes one, so that everything starts. ./certificate.nix says what the variables are.

# copies both, and sets $problem
judge() {
  if ! cat "$CERTIFICATE" >certificate.new 2>/dev/null || ! test -s certificate.new; then
    problem="$CERTIFICATE is empty or cannot be read"
  elif ! cat "$KEY" >given-key.new 2>/dev/null || ! test -s given-key.new; then
    problem="$KEY is empty or cannot be read"
  elif ! of_certificate=$("$OPENSSL" x509 -in certificate.new -noout -pubkey 2>/dev/null); then
    problem="$CERTIFICATE holds no certificate"
  elif ! of_key=$("$OPENSSL" pkey -in given-key.new -passin pass: -pubout 2>/dev/null); then
    problem="$KEY holds no private key, or one with a passphrase"
  elif test "$of_certificate" != "$of_key"; then
    problem="$CERTIFICATE and $KEY do not belong together"
  else
    problem=""
  fi
}

digest() {
  cat "$@" 2>/dev/null | sha256sum
}

umask 077
# they are written one after the other, and nobody tells when they are whole
for _ in 1 2 3 4 5; do
  seen=$(digest "$CERTIFICATE" "$KEY")
  judge
  test "$seen" != "$(digest "$CERTIFICATE" "$KEY")" || break
done

if test -n "$problem"; then
  rm -f certificate.new given-key.new
  if ! test -s fullchain.pem || ! test -s key.pem; then
    (umask 022 && provisional)
    touch is-provisional
  fi
  if test -e is-provisional; then
    problem="$problem; a provisional one is used"
  else
    problem="$problem; the certificate from before is used"
  fi
  printf '%s\n' "$problem" >problem.new
  chmod 644 problem.new
  mv problem.new problem
  printf '<4>%s\n' "$problem" >&2
  exit 0
fi

rm -f problem is-provisional
if test "$(digest certificate.new given-key.new)" = "$(digest fullchain.pem key.pem)"; then
  rm -f certificate.new given-key.new
  exit 0
fi
chmod 640 given-key.new
chmod 644 certificate.new
mv given-key.new key.pem
mv certificate.new fullchain.pem
# a restart would cut every session; at a start of the machine they have not begun, and nothing happens
# shellcheck disable=SC2086 # several
"$SYSTEMCTL" --no-block try-reload-or-restart $DAEMONS
for daemon in $DAEMONS; do
  if "$SYSTEMCTL" is-failed --quiet "$daemon"; then
    "$SYSTEMCTL" reset-failed "$daemon"
    "$SYSTEMCTL" --no-block start "$daemon"
  fi
done
