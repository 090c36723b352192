"""`chatmail queue` shows mail that waits, without naming people, and changes the queue."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

# no server of the lab listens there
WITHIN_S = 60
KEY = "secret-name"


@pytest.fixture
def domain() -> str:
    """A domain of its own, whose host accepts no connection."""
    return f"{secrets.token_hex(6)}.trap.test"


def _destination(machine: Machine, domain: str) -> dict[str, Any] | None:
    document = json.loads(machine.run("chatmail", "queue", "list", domain, "--json"))
    found: list[dict[str, Any]] = document["destinations"]
    return found[0] if found else None


def _has_reason(machine: Machine, domain: str, *, held: int = 0) -> bool:
    found = _destination(machine, domain)
    return (
        found is not None
        and found["held"] == held
        and "not tried yet" not in found["reasons"]
        and (found["next_try_s"] is not None or held > 0)
    )


def test_mail_that_waits(machine: Machine, alice: Person, domain: str) -> None:
    """Domain, reason in words, next try, end; a name only on request."""
    alice.sends(f"{KEY}@{domain}")
    wait_for(lambda: _has_reason(machine, domain), "mail with a reason", within_s=WITHIN_S)

    listed = machine.run("chatmail", "queue")
    each = machine.run("chatmail", "queue", "list", domain, "--messages")
    named = machine.run("chatmail", "queue", "list", domain, "--addresses")

    assert domain in listed
    assert "connection refused" in listed
    assert "the oldest is returned to its sender in 47 h" in listed
    for text in (listed, each):
        assert KEY not in text
        assert alice.name not in text
    assert f"{KEY}@{domain}" in named
    assert alice.address in named
    machine.run("chatmail", "queue", "drop", domain, "--yes")


def test_hold_release_drop(machine: Machine, alice: Person, domain: str) -> None:
    """Postfix' own queue changes; nothing is left, and nobody gets a bounce."""
    alice.sends(f"{KEY}@{domain}")
    wait_for(lambda: _has_reason(machine, domain), "mail with a reason", within_s=WITHIN_S)

    assert "held 1 message" in machine.run("chatmail", "queue", "hold", domain)
    assert _has_reason(machine, domain, held=1)
    assert "Postfix tries all mail now" in machine.run("chatmail", "queue", "retry")
    assert _has_reason(machine, domain, held=1)
    assert "released 1 message" in machine.run("chatmail", "queue", "release", domain)
    wait_for(lambda: _has_reason(machine, domain), "a try after the release", within_s=WITHIN_S)
    assert "tries 1 message" in machine.run("chatmail", "queue", "retry", domain)
    assert "deleted 1 message" in machine.run("chatmail", "queue", "drop", domain, "--yes")

    assert _destination(machine, domain) is None


def test_reasons_without_a_message(machine: Machine) -> None:
    """A delivery that ends after its message was deleted leaves a file with the recipient."""
    old, new = (f"/var/lib/postfix/queue/defer/{secrets.token_hex(6).upper()}" for _ in range(2))
    machine.run("install", "--owner=postfix", "--mode=600", "/dev/null", old)
    machine.run("touch", "--date=-21 days", old)
    machine.run("install", "--owner=postfix", "--mode=600", "/dev/null", new)

    machine.run("systemd-tmpfiles", "--clean")

    left = machine.run("find", "/var/lib/postfix/queue/defer", "-type", "f").split()
    machine.run("rm", new)
    assert old not in left
    assert new in left
