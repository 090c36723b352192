# shellcheck shell=sh
# Exit code 0 if the wall clock went back by more than 10 s since the last call: the seconds of the clock minus those
# since the boot are then fewer. Dovecot and Postfix recover from smaller jumps in as many seconds.
read -r uptime _ </proc/uptime
base=$(($(date +%s) - ${uptime%.*}))
last=$base
test ! -e base || read -r last <base
printf '%s\n' "$base" >base
test "$base" -lt "$((last - 10))"
