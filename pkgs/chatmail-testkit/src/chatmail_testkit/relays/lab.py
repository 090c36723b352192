"""The lab as a target: this process runs in the network of the lab's client."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine
from chatmail_testkit.relays.target import CommandFailedError
from chatmail_testkit.waiting import COMMAND_S

RECONFIGURE_S = 240  # of four hosts; 117 s at a load of 20
TARGET = "--target="  # nsenter(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabMachine(RemoteMachine):
    """One relay of a lab."""

    lab: str
    host: str

    def argv(self, command: tuple[str, ...]) -> list[str]:
        """Returns what `scripts/lab exec` runs, which itself would take most of the time."""
        return [*_way(self.lab, self.host).argv, *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTarget:
    """A lab that is up; tests run in its client: `scripts/lab exec client pytest …`.

    `is_credulous`: do not check certificates, like clients with a `dclogin:` link.
    """

    name: str
    relays: Sequence[str]
    is_credulous: bool = False

    def host(self, domain: str) -> str:
        """Returns the domain, or the IP address in a domain literal."""
        return domain.strip("[]")

    def tls(self) -> ssl.SSLContext:
        """Trusts the lab's authority (`SSL_CERT_FILE` of the lab's client)."""
        return _credulous() if self.is_credulous else _context(os.environ["SSL_CERT_FILE"])

    def machine(self, domain: str) -> RemoteMachine:
        """Returns a root shell in the relay's container, or in all of a cluster."""
        hosts = _hosts(self.name)
        fronts, stores = (
            [
                LabMachine(lab=self.name, host=host["name"])
                for host in hosts
                if (host["domain"], host["role"]) == (domain, role)
            ]
            for role in ("front", "store")
        )
        if fronts:
            return ClusterMachine(host=domain, front_machines=fronts, store_machines=stores)
        return LabMachine(lab=self.name, host=domain)

    def reconfigure(self, config: Path) -> None:
        """Changes the configuration of all relays."""
        self._command("reconfigure", "--config", str(config))

    def point(self, domain: str, host: str) -> None:
        """Publishes the DNS records of a domain as another host prints them."""
        self._command("point", domain, host)

    def cut(self, host: str) -> None:
        """Drops all packets to and from a host."""
        self._command("cut", host)

    def heal(self, host: str) -> None:
        """Undoes `cut`."""
        self._command("heal", host)

    def stop(self, host: str) -> None:
        """Kills all processes of a host; its disk stays."""
        self._command("stop", host)

    def start(self, host: str) -> None:
        """Boots a host after `stop`, and returns when all its units run."""
        self._command("start", host)

    def addresses(self, host: str) -> tuple[str, ...]:
        """Returns the IP addresses of a host."""
        return next((one["ipv4"], one["ipv6"]) for one in _hosts(self.name) if one["name"] == host)

    def _command(self, *arguments: str) -> None:
        argv = [*_lab(self.name), *arguments]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=RECONFIGURE_S, check=False
        )
        if done.returncode:
            raise CommandFailedError(done.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """The start of a command line into a container, while its first process lives."""

    argv: tuple[str, ...]
    process: Path
    started: str


_ways: dict[tuple[str, str], _Way] = {}


def _way(lab: str, host: str) -> _Way:
    """Returns the way into a host; asks the lab only once, and after each start of the host."""
    known = _ways.get((lab, host))
    if known is not None and _started(known.process) == known.started:
        return known
    done = subprocess.run(
        [*_lab(lab), "argv", host], capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    if done.returncode:
        raise CommandFailedError(done.stderr)
    argv = tuple(json.loads(done.stdout))
    pids = [part.removeprefix(TARGET) for part in argv if part.startswith(TARGET)]
    # a client has no process of its own: its network lives as long as the lab
    process = Path("/proc", *pids) if pids else Path("/proc/1")
    _ways[lab, host] = _Way(argv=argv, process=process, started=_started(process))
    return _ways[lab, host]


@cache
def _hosts(lab: str) -> Sequence[Mapping[str, str]]:
    """Returns what the lab says about its hosts."""
    done = subprocess.run(
        [*_lab(lab), "hosts"], capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    if done.returncode:
        raise CommandFailedError(done.stderr)
    hosts: list[dict[str, str]] = json.loads(done.stdout)
    return hosts


def _started(process: Path) -> str:
    """Returns when a process started, in clock ticks since the boot; nothing if it ended."""
    try:
        state, *fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # one that was killed may stay as a zombie
    return "" if state == "Z" else fields[18]


def _lab(name: str) -> list[str]:
    """Returns the start of a command line; `scripts/lab` sets the variable for its commands."""
    return [str(Path(os.environ["CHATMAIL_CHECKOUT"], "scripts", "lab")), "--name", name]


@cache
def _context(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


@cache
def _credulous() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
