"""200 domains accept TLS and never answer: mail to a known peer takes no longer."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatmail_testkit.peers import tarpit
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.measures

# a tenth of the relay's own numbers: 200 destinations for 50 and 10 delivery agents
DOMAINS = 200
SENDERS = 4
AGENTS = {"smtp-https": 50, "smtp-new": 10}
MESSAGES = 30
# 8 at most from each: a burst is 10 messages
WRITERS = 8
SLOWER = 1.5
# what the machine can tell apart
NOISE_S = 0.01
SLOWEST_S = 1.0
QUEUE = "/var/lib/postfix/queue"
WITHIN_S = 60


@pytest.fixture(autouse=True)
def _few_agents(machine: Machine) -> Iterator[None]:
    """Postfix with a tenth of its delivery agents; mail to the tarpit is deleted at the end."""
    before = machine.run("cat", "/etc/postfix/master.cf")
    for service, agents in AGENTS.items():
        try:
            machine.run("postconf", "-F", f"{service}/unix/process_limit={agents}")
        except CommandFailedError:
            pytest.fail(f"there is no transport {service}")
    machine.run("systemctl", "restart", "chatmail-transport", "postfix")
    yield
    machine.run("postsuper", "-d", "ALL")
    machine.run("tee", "/etc/postfix/master.cf", stdin=before.encode())
    machine.run("systemctl", "restart", "chatmail-transport", "postfix")
    # a delivery that ended after its message was deleted wrote why it failed
    machine.run("find", f"{QUEUE}/defer", "-type", "f", "-delete")


def test_two_hundred_domains(
    relay: str, carol: Person, new_person: PersonFactory, machine: Machine, tmp_path: Path
) -> None:
    """Four accounts write to 50 of them each, twice."""
    writers = [new_person(relay) for _ in range(WRITERS)]
    for writer in writers:
        writer.sends(carol, text="warm")
        carol.receives(within_s=WITHIN_S)
    quiet = _delays(writers, carol)
    senders = [new_person(relay) for _ in range(SENDERS)]
    domains = tarpit.domains(DOMAINS)
    with tarpit.tarpit(tmp_path):
        for number, sender in enumerate(senders):
            recipients = [f"x@{domain}" for domain in domains[number::SENDERS]]
            for _ in range(2):
                sender.sends(*recipients)
        wait_for(lambda: "*" in machine.queue(), "delivery agents wait", within_s=WITHIN_S)
        loud = _delays(writers, carol)

    figures = f"quiet {_in_words(quiet)}, with {DOMAINS} silent domains {_in_words(loud)}"
    print(figures)
    limit_s = SLOWER * statistics.median(quiet) + NOISE_S
    assert statistics.median(loud) <= limit_s, figures
    assert max(loud) < SLOWEST_S, figures


def _delays(senders: list[Person], recipient: Person) -> list[float]:
    """Seconds from the submission of each message to its arrival."""
    delays = []
    for number, sender in zip(range(MESSAGES), itertools.cycle(senders), strict=False):
        started_s = time.monotonic()
        sender.sends(recipient, text=f"message {number}")
        assert recipient.receives(within_s=WITHIN_S).text == f"message {number}"
        delays.append(time.monotonic() - started_s)
    return delays


def _in_words(delays: list[float]) -> str:
    return f"median {1000 * statistics.median(delays):.0f} ms, most {1000 * max(delays):.0f} ms"
