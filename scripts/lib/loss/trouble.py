"""Troubles: each kind is a context manager that always restores its host."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import labs
from chatmail_lab import Lab
from loss import certificates, clocks, lies
from loss.ledger import Happened, Ledger
from loss.plan import CLASSIC, RELAY_UNITS, Trouble
from steps import say

COMMAND_DEADLINE_S = 60
LOSS = """
table bridge loss {{
  chain forward {{
    type filter hook forward priority 0;
    iifname "{port}" numgen random mod 100 < 5 drop
    oifname "{port}" numgen random mod 100 < 5 drop
  }}
}}
"""
# the newest process of a unit whose command line begins with this; none is no failure
KILL_ONE = """
for pid in $(cat /sys/fs/cgroup/system.slice/$1.service/cgroup.procs | sort -rn); do
  if tr '\\0' ' ' </proc/$pid/cmdline | grep -q "^$2"; then kill -KILL $pid; exit; fi
done
"""
Begin = Callable[[Lab, Trouble], contextlib.AbstractContextManager[None]]


def run_all(lab: Lab, planned: Sequence[Trouble], ledger: Ledger, over: threading.Event) -> None:
    """Run the troubles one by one at their times, until `over` is set."""
    start_s = time.monotonic()
    for trouble in planned:
        if over.wait(max(0.0, start_s + trouble.begin_s - time.monotonic())):
            return
        say(f"    {time.monotonic() - start_s:5.0f} s  {trouble.name}")
        begin_s = time.time()
        try:
            with KINDS[trouble.kind](lab, trouble):
                over.wait(trouble.lasts_s)
        finally:
            ledger.add(
                Happened(
                    kind=trouble.kind,
                    host=trouble.host,
                    detail=trouble.detail,
                    begin_s=begin_s,
                    end_s=time.time(),
                )
            )


def _run(lab: Lab, host: str, *command: str) -> str:
    return labs.output(lab.directory.name, host, *command, timeout_s=COMMAND_DEADLINE_S)


@contextlib.contextmanager
def _kill(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Kill all processes of a service; systemd restarts those of a relay."""
    unit = trouble.detail
    _run(lab, trouble.host, "systemctl", "kill", "--signal=KILL", "--kill-whom=all", unit)
    if trouble.host == CLASSIC:
        _run(lab, trouble.host, "systemctl", "restart", unit)
    yield


@contextlib.contextmanager
def _kill_child(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Kill one process of a service; its parent starts another."""
    _run(lab, trouble.host, "sh", "-c", KILL_ONE, "kill", *trouble.detail.split())
    yield


@contextlib.contextmanager
def _cut(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Lose all packets from and to a host."""
    lab.cut(trouble.host)
    try:
        yield
    finally:
        lab.heal(trouble.host)


@contextlib.contextmanager
def _loss(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Lose 5 % of all packets from and to a host; not every kernel has netem."""
    host = lab.assembly().host(trouble.host)
    _nft(lab, "-f", "-", rules=LOSS.format(port=host.link))
    try:
        yield
    finally:
        _nft(lab, "delete", "table", "bridge", "loss")


def _nft(lab: Lab, *arguments: str, rules: str | None = None) -> None:
    """Run the image's nft on the bridge of the lab."""
    assembly = lab.assembly()
    keeper = assembly.keeper
    root = str(assembly.mount_point(assembly.host(CLASSIC)))
    keeper.run("chroot", root, "/usr/sbin/nft", *arguments, stdin=rules)


@contextlib.contextmanager
def _full_disk(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Shrink the disk to the size of its files."""
    with _remounted(
        lab,
        trouble.host,
        lambda disk: f"size={(disk.f_blocks - disk.f_bfree) * disk.f_frsize}",
        lambda disk: f"size={disk.f_blocks * disk.f_frsize}",
    ):
        yield


@contextlib.contextmanager
def _full_inodes(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Allow no more files than exist."""
    with _remounted(
        lab,
        trouble.host,
        lambda disk: f"nr_inodes={disk.f_files - disk.f_ffree}",
        lambda disk: f"nr_inodes={disk.f_files}",
    ):
        yield


@contextlib.contextmanager
def _remounted(
    lab: Lab,
    host: str,
    small: Callable[[os.statvfs_result], str],
    usual: Callable[[os.statvfs_result], str],
) -> Iterator[None]:
    assembly = lab.assembly()
    disk = assembly.mount_point(assembly.host(host)).parent
    before = os.statvfs(assembly.keeper.root / str(disk).lstrip("/"))

    def remount(option: str) -> None:
        assembly.keeper.run("mount", "-o", f"remount,{option}", str(disk))

    _shrink(assembly.keeper.root / str(disk).lstrip("/"), small, remount)
    try:
        yield
    finally:
        remount(usual(before))


def _shrink(
    disk: Path, small: Callable[[os.statvfs_result], str], remount: Callable[[str], None]
) -> None:
    """Remount; try again if a file was created in between."""
    for _ in range(20):
        with contextlib.suppress(Exception):
            remount(small(os.statvfs(disk)))
            return
    remount(small(os.statvfs(disk)))


KINDS: Mapping[str, Begin] = {
    "kill": _kill,
    "kill-child": _kill_child,
    "cut": _cut,
    "loss": _loss,
    "full-disk": _full_disk,
    "full-inodes": _full_inodes,
    "clock": clocks.moved,
    "certificate": certificates.expired,
    "dns-wrong-mx": lies.wrong_mx,
    "dns-servfail": lies.refused,
    "dns-silent": lies.silent,
    "dns-slow": lies.slow,
}


def down(lab: Lab, host: str) -> list[str]:
    """Return the units of a relay that do not run."""
    asked = labs.inside(lab.directory.name, host, "systemctl", "is-active", *RELAY_UNITS)
    done = subprocess.run(
        asked, capture_output=True, text=True, check=False, timeout=COMMAND_DEADLINE_S
    )
    states = done.stdout.split()
    return [unit for unit, state in zip(RELAY_UNITS, states, strict=True) if state != "active"]
