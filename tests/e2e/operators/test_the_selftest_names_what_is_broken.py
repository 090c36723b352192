"""`chatmail selftest` and `chatmail status` name a fault in a sentence, with its repair; exit 1."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(180)]

UNITS = (
    "postfix",
    "dovecot",
    "nginx",
    "unbound",
    "coturn",
    "iroh-relay",
    "chatmail-accounts",
    "chatmail-filter",
    "chatmail-transport",
)
# what else fails with a unit: the check that shows what people lose
LOST = {
    "postfix": "port-25-in",
    "dovecot": "login",
    "nginx": "new",
    "unbound": "resolver",
    "coturn": "turn",
    "iroh-relay": "realtime",
    "chatmail-accounts": "metadata",
    "chatmail-filter": "message",
    "chatmail-transport": "mxdeliv-out",
}
MOST_S = 20.0


@pytest.fixture(autouse=True)
def _well(machine: Machine) -> Iterator[None]:
    """The relay is well before and after."""
    wait_for(lambda: not failed(machine), "a relay that is well", within_s=60)
    yield
    wait_for(lambda: not failed(machine), "a relay that is well again", within_s=90)


@pytest.mark.parametrize("unit", UNITS)
def test_a_stopped_unit(unit: str, machine: Machine) -> None:
    """The unit, and what people lose by it."""
    with stopped(machine, unit):
        found = failed(machine)
        status = shown(machine, "chatmail status")

    assert f"{unit} is inactive" in found["units"]["sentence"]
    assert f"{unit}" in found["units"]["repair"]
    assert LOST[unit] in found
    assert found[LOST[unit]]["repair"].startswith(f"first systemctl restart {unit}")
    assert status.endswith("exit 1")
    assert f"wrong: {unit} is inactive" in status
    assert f"repair: systemctl restart {unit}" in status


def test_port_25_blocked_outwards(machine: Machine, other_relay: str) -> None:
    """In words: which direction, how it is known, what still works, whom to ask."""
    with closed(machine, 25):
        found = failed(machine)
        status = shown(machine, "chatmail status")

    assert set(found) == {"port-25-out"}
    sentence, repair = (found["port-25-out"][key] for key in ("sentence", "repair"))
    assert sentence.startswith("blocked outwards: none of ")
    assert "port 443 is open (" in sentence
    assert other_relay in sentence
    assert "so mail to other relays still goes by HTTPS; mail to classic servers waits" in sentence
    assert "ask the provider of this machine to open TCP port 25 outwards" in repair
    assert "wrong: port-25-out: blocked outwards" in status
    assert status.endswith("exit 1")


def test_port_443_blocked_outwards(machine: Machine) -> None:
    """Mail to relays goes by SMTP then."""
    with closed(machine, 443):
        found = failed(machine)
        status = shown(machine, "chatmail status")

    assert set(found) == {"mxdeliv-out"}
    assert "can be reached on port 443" in found["mxdeliv-out"]["sentence"]
    assert "443, outgoing" in found["mxdeliv-out"]["repair"]
    assert "wrong: mxdeliv-out: " in status


def test_dns_blocked_outwards(machine: Machine) -> None:
    """The resolver answers, and finds nobody."""
    with blocked_dns(machine):
        found = failed(machine)

    assert "finds no name of others" in found["resolver"]["sentence"]
    assert "port 53" in found["resolver"]["repair"]


def test_mail_over_port_25_is_seen(machine: Machine, alice: Person, dora: Person) -> None:
    """Whoever offered mail from outside has proven that port 25 is open inwards."""
    dora.sends(alice, text="over SMTP")
    alice.receives(within_s=20)

    [check] = [c for c in report(machine)["checks"] if c["name"] == "port-25-in"]
    assert check["verdict"] == "ok"
    assert check["sentence"].startswith("open inwards: a mail server of others offered mail at 20")


@contextlib.contextmanager
def blocked_dns(machine: Machine) -> Iterator[None]:
    """Cuts the resolver off; what it knows already is forgotten."""
    rules = "table inet dns { chain out { type filter hook output priority 0;"
    rules += ' oif != "lo" udp dport 53 drop; oif != "lo" tcp dport 53 drop; }; };'
    machine.run("nft", "-f", "-", stdin=rules.encode())
    machine.run("systemctl", "restart", "unbound")
    try:
        yield
    finally:
        machine.run("nft", "delete", "table", "inet", "dns")
        machine.run("systemctl", "restart", "unbound")


def failed(machine: Machine) -> dict[str, dict[str, str]]:
    """The checks that failed, by name; the exit code is 1 with them, 0 without."""
    found = report(machine)
    wrong = {check["name"]: check for check in found["checks"] if check["verdict"] == "failed"}
    assert found["code"] == (1 if wrong else 0)
    assert found["duration_seconds"] < MOST_S
    return wrong


def report(machine: Machine) -> dict[str, Any]:
    """What the selftest prints, and its exit code."""
    text, _, code = shown(machine, "chatmail selftest --json").rpartition("exit ")
    found: dict[str, Any] = json.loads(text)
    return found | {"code": int(code)}


def shown(machine: Machine, command: str) -> str:
    """The output of a command, which may fail, and its exit code in the last line."""
    return machine.run("sh", "-c", f"{command}; echo exit $?", timeout_s=60).strip()
