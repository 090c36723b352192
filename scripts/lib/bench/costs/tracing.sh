# sh tracing.sh UNIT… : on a relay, prints "tracing" when strace follows all processes of the units, waits for a line,
# then prints for each unit "== UNIT" and its trace (trace.py reads it).
set -eu
folder=$(mktemp -d /run/trace.XXXXXX)
tracers=
trap 'kill -TERM $tracers 2>/dev/null || true; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT PIPE TERM
group() { echo "/sys/fs/cgroup/system.slice/$1.service/cgroup.procs"; }
for unit; do
  processes=$(sed 's/^/-p /' "$(group "$unit")" 2>/dev/null) || continue
  [ -n "$processes" ] || continue
  # -s 0: no content, no passwords
  strace -f -q -y -Y -s 0 -o "$folder/$unit" $processes 2>/dev/null &
  tracers="$tracers $!"
done
tries=1000
for unit; do
  [ -e "$(group "$unit")" ] || continue
  for process in $(cat "$(group "$unit")"); do
    while [ -e "/proc/$process" ] && grep -q '^TracerPid:.0$' "/proc/$process/status"; do
      tries=$((tries - 1))
      [ "$tries" -gt 0 ] || exit 1
      sleep 0.01
    done
  done
done
echo tracing
read -r _ || true
# the shell lets background processes ignore INT
kill -TERM $tracers
wait $tracers || true
for unit; do
  echo "== $unit"
  [ ! -e "$folder/$unit" ] || cat "$folder/$unit"
done
