"""Logins and messages, whose CPU time is measured at all machines at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import labs
from bench.families.far import NO_HTTPS
from bench.sides import DEADLINE_S, LOAD, MODULES, figures_of, line
from scale.machines.meters import FRONT, ONE, STORE, Figures, Meters, Reading

DOMAINS: Final = ("a.test", "b.test")
SUBMITTING: Final = Path(__file__).with_name("submitting.py")
LOGINS: Final = 60
MESSAGES: Final = 40
# so many that none reaches a limit, and no daemon has the answer for the last one
SENDERS: Final = 8
IDLE_S: Final = 5.0
# daemons end sessions, and write what they know, after the client has its answer
SETTLE_S: Final = 0.5

FIRST: Final = "first login, new address"
LOGIN: Final = "login, IMAP"
SUBMISSION: Final = "login, submission"
LOCAL: Final = "message, the same relay"
TO_HTTPS: Final = "message to another relay, HTTPS"
FROM_HTTPS: Final = "message from another relay, HTTPS"
TO_SMTP: Final = "message to another relay, SMTP"
FROM_SMTP: Final = "message from another relay, SMTP"
WORKS: Final = (FIRST, LOGIN, SUBMISSION, LOCAL, TO_HTTPS, FROM_HTTPS, TO_SMTP, FROM_SMTP)

# by work, then by role
Costs = dict[str, dict[str, Figures]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A cluster and one machine, and what they use at rest, by role and second.

    `client` is the command line that runs a command in the client's network.
    """

    name: str
    client: Sequence[str]
    meters: Meters
    rest: Mapping[str, Figures]

    def used(self, before: Reading, after: Reading, times: int) -> dict[str, Figures]:
        """What each role used for one of `times`, beyond its rest."""
        seconds = after.seconds_since(before)
        return {
            role: {
                key: (value - self.rest[role].get(key, 0) * seconds[role]) / times
                for key, value in figures.items()
            }
            for role, figures in after.since(before).items()
        }


def rest(meters: Meters) -> dict[str, Figures]:
    """What each role uses in a second while nothing is to do."""
    before = meters.read()
    time.sleep(IDLE_S)
    after = meters.read()
    seconds = after.seconds_since(before)
    return {
        role: {key: value / seconds[role] for key, value in figures.items()}
        for role, figures in after.since(before).items()
    }


def costs(lab: Lab) -> Costs:
    """Do each work once at the cluster and at one machine; return what one of it costs.

    Raises:
        LabFailedError: it failed.
    """
    found: Costs = {work: {} for work in WORKS}
    for domain in DOMAINS:
        _logins(lab, domain, found)
    for domain in DOMAINS:
        found[LOCAL] |= _of(domain, _messages(lab, domain, domain))
    for domain, other in (DOMAINS, DOMAINS[::-1]):
        _far(found, domain, _messages(lab, domain, other), TO_HTTPS, FROM_HTTPS)
        with _without_https(lab.name, domain):
            _far(found, domain, _messages(lab, domain, other), TO_SMTP, FROM_SMTP)
    return found


def _far(found: Costs, sender: str, used: dict[str, Figures], to: str, received: str) -> None:
    """The sender's machines are those of one row, the recipient's those of the other."""
    [recipient] = (domain for domain in DOMAINS if domain != sender)
    found[to] |= _of(sender, used)
    found[received] |= _of(recipient, used)


def _of(domain: str, used: dict[str, Figures]) -> dict[str, Figures]:
    roles = (FRONT, STORE) if domain == DOMAINS[0] else (ONE,)
    return {role: used[role] for role in roles}


def _logins(lab: Lab, domain: str, found: Costs) -> None:
    before = lab.meters.read()
    count = ("--count", str(LOGINS), "--at-once", "1")
    with _loaded(lab, LOAD, "logins", "--domain", domain, *count, "--wait") as running:
        found[FIRST] |= _of(domain, lab.used(before, _settled(lab), LOGINS))
        found[LOGIN] |= _of(domain, _measured(lab, running, LOGINS))
    with _loaded(lab, SUBMITTING, domain, str(LOGINS)) as running:
        found[SUBMISSION] |= _of(domain, _measured(lab, running, LOGINS))


def _messages(lab: Lab, domain: str, to: str) -> dict[str, Figures]:
    """Messages of 2 KB to a recipient in IDLE, each sent when the one before has arrived."""
    options = {
        "--domain": domain,
        "--to": to,
        "--count": str(MESSAGES),
        "--senders": str(SENDERS),
        "--size-bytes": "2048",
        "--every-s": "0.002",
    }
    words = [word for pair in options.items() for word in pair]
    with _loaded(lab, LOAD, "latency", *words, "--wait") as running:
        return _measured(lab, running, MESSAGES)


@contextlib.contextmanager
def _loaded(lab: Lab, program: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program, until it is ready."""
    with subprocess.Popen(
        [*lab.client, sys.executable, str(program), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": MODULES},
    ) as running:
        try:
            if line(running.stdout) != "ready":
                figures_of(running, *running.communicate(timeout=DEADLINE_S))
                raise labs.LabFailedError(f"{program.name}: not ready")
            yield running
        finally:
            running.kill()


def _measured(lab: Lab, running: subprocess.Popen[str], times: int) -> dict[str, Figures]:
    before = _settled(lab)
    figures_of(running, *running.communicate("\n", timeout=DEADLINE_S))
    return lab.used(before, _settled(lab), times)


def _settled(lab: Lab) -> Reading:
    time.sleep(SETTLE_S)
    return lab.meters.read()


@contextlib.contextmanager
def _without_https(name: str, relay: str) -> Iterator[None]:
    labs.output(name, relay, "nft", "-f", "-", stdin=NO_HTTPS)
    try:
        yield
    finally:
        labs.output(name, relay, "nft", "delete", "table", "inet", "bench")
        labs.output(name, relay, "systemctl", "restart", "chatmail-transport")
