"""CPU time, network and memory of the machines of a lab, read from inside of their containers."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import labs

FRONT: Final = "front"
STORE: Final = "store"
ONE: Final = "one machine"
# by role: the stores count together
MACHINES: Final[Mapping[str, Sequence[str]]] = {
    FRONT: ("front1.a.test",),
    STORE: ("store1.a.test", "store2.a.test"),
    ONE: ("b.test",),
}
CLUSTER: Final = "a.test=1+2"
# the whole container; a command of the lab is in no group of it
ALL: Final = "all"
# a program of its own in a lab, and in the kernel elsewhere
TUNNEL: Final = "wireguard"
_TUNNEL_UNIT: Final = "wg-quick-chatmail.service"
_TUNNEL_PROGRAM: Final = "wireguard-go"
IN: Final = "bytes in"
OUT: Final = "bytes out"

_USED: Final = f"""
cd /sys/fs/cgroup
sed -n "s/^usage_usec/{ALL}/p" cpu.stat
for group in init.scope system.slice/*; do
  [ -e $group/cpu.stat ] && sed -n "s/^usage_usec/${{group##*/}}/p" $group/cpu.stat
done
while read -r link in _ _ _ _ _ _ _ out _; do
  [ "$link" = eth0: ] && printf '{IN} %s\\n{OUT} %s\\n' "$in" "$out"
done < /proc/net/dev
:
"""
# proportional set size (proc_pid_smaps(5)) of each process in KiB
_MEMORY: Final = """
for process in /proc/[0-9]*; do
  { read -r name < $process/comm && while read -r key kib _; do
    [ "$key" = Pss: ] && echo "$kib $name"
  done < $process/smaps_rollup; } 2>/dev/null
done
:
"""
_OF_THE_SYSTEM: Final = ("systemd", "(sd-pam)", "sh", "dbus-daemon", "agetty")

Figures = dict[str, float]  # by unit or program


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the machines of each role used since they booted: CPU microseconds, and bytes."""

    at_s: Mapping[str, float]
    used: Mapping[str, Mapping[str, int]]

    def since(self, before: Reading) -> dict[str, Figures]:
        """What each role used between both."""
        return {
            role: {key: float(value - before.used[role].get(key, 0)) for key, value in used.items()}
            for role, used in self.used.items()
        }

    def seconds_since(self, before: Reading) -> dict[str, float]:
        """The time between both."""
        return {role: at_s - before.at_s[role] for role, at_s in self.at_s.items()}


class Meters:
    """Reads all machines at once."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._hosts = [(role, host) for role, hosts in MACHINES.items() for host in hosts]
        self._commands = {host: command_line(lab, host) for _, host in self._hosts}

    def read(self) -> Reading:
        """Return what the machines used until now."""
        found: dict[str, Counter[str]] = {role: Counter() for role in MACHINES}
        at_s = {}
        for role, lines in self._all(_USED):
            at_s[role] = time.monotonic()
            for line in lines:
                key, value = line.rsplit(maxsplit=1)
                found[role][TUNNEL if key == _TUNNEL_UNIT else key] += int(value)
        return Reading(at_s=at_s, used=found)

    def memory_kib(self) -> dict[str, Figures]:
        """Return the memory of each program by role, without systemd and the tunnel."""
        found: dict[str, Figures] = {role: {} for role in MACHINES}
        for role, lines in self._all(_MEMORY):
            for line in lines:
                kib, name = line.split(maxsplit=1)
                if not name.startswith((*_OF_THE_SYSTEM, _TUNNEL_PROGRAM)):
                    found[role][name] = found[role].get(name, 0) + int(kib)
        return found

    def _all(self, script: str) -> list[tuple[str, list[str]]]:
        with ThreadPoolExecutor(len(self._hosts)) as pool:
            printed = pool.map(lambda pair: self._one(pair[1], script), self._hosts)
            return [(role, text) for (role, _), text in zip(self._hosts, printed, strict=True)]

    def _one(self, host: str, script: str) -> list[str]:
        command = [*self._commands[host], "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise labs.LabFailedError(f"{host}: {done.stderr.strip()}")
        return done.stdout.splitlines()


def command_line(lab: str, host: str) -> list[str]:
    """Return the command line that runs a command on a host, without the start of `scripts/lab`."""
    command = [str(labs.LAB), "--name", lab, "argv", host]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: list[str] = json.loads(printed)
    return found
