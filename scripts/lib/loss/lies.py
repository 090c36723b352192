"""A name server that gives wrong answers, fails, is silent or slow."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import labs
from chatmail_lab import Lab
from chatmail_lab.network.dns import CONFIG_FILE
from loss.plan import Trouble

STOPPED_S, RUNNING_S = 1.5, 0.1  # of the slow name server: an answer takes 0 to 1.5 s


def _control(lab: Lab, *command: str) -> None:
    labs.output(lab.directory.name, "dns", "unbound-control", "-c", CONFIG_FILE, *command)


@contextlib.contextmanager
def wrong_mx(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Answer with another host as MX; all other records are true."""
    domain = f"{trouble.host}."
    _control(lab, "local_zone", domain, "typetransparent")
    try:
        _control(lab, "local_data", f"{domain} 1 IN MX 10 {trouble.detail}.")
        yield
    finally:
        _control(lab, "local_data_remove", domain)
        _control(lab, "local_zone_remove", domain)


@contextlib.contextmanager
def _zone(lab: Lab, domain: str, kind: str) -> Iterator[None]:
    _control(lab, "local_zone", f"{domain}.", kind)
    try:
        yield
    finally:
        _control(lab, "local_zone_remove", f"{domain}.")


@contextlib.contextmanager
def refused(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Refuse to answer about a domain: resolvers give SERVFAIL to their clients."""
    with _zone(lab, trouble.host, "always_refuse"):
        yield


@contextlib.contextmanager
def silent(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Do not answer about a domain."""
    with _zone(lab, trouble.host, "always_deny"):
        yield


@contextlib.contextmanager
def slow(lab: Lab, _: Trouble) -> Iterator[None]:
    """Stop the name server for most of the time."""
    pids = list(_processes(lab))
    over = threading.Event()
    thread = threading.Thread(target=_stop_and_go, args=(pids, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _stop_and_go(pids: list[int], over: threading.Event) -> None:
    try:
        while not over.is_set():
            _signal(pids, signal.SIGSTOP)
            over.wait(STOPPED_S)
            _signal(pids, signal.SIGCONT)
            over.wait(RUNNING_S)
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _processes(lab: Lab) -> Iterator[int]:
    """Yield the processes in the name server's network namespace."""
    inode = (lab.assembly().keeper.root / "run/netns/dns").stat().st_ino
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "ns/net").stat().st_ino == inode:
                yield int(process.name)
