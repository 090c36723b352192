"""A server that falls back to clear text after a TLS error keeps its mail: no loss, no bounce."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.classic import Classic
from chatmail_testkit.waiting import wait_for

WITHIN_S = 60


@pytest.fixture
def fallen_back(classic: Classic) -> Iterator[Classic]:
    """The classic server after a failed handshake."""
    _set_tls(classic, "none")
    yield classic
    _set_tls(classic, "may")


@pytest.mark.disturbs
def test_the_next_attempt_delivers(dora: Person, alice: Person, fallen_back: Classic) -> None:
    """Postfix and Exim fall back by default; the retry under TLS delivers."""
    dora.sends(alice)
    wait_for(lambda: _is_put_off(fallen_back), "the message is put off", within_s=WITHIN_S)
    assert alice.inbox() == []

    _set_tls(fallen_back, "may")
    fallen_back.machine.run("postqueue", "-f")

    assert alice.receives(within_s=WITHIN_S).text == "hello"
    assert dora.inbox() == []  # no bounce


def _set_tls(classic: Classic, level: str) -> None:
    classic.machine.run("postconf", "-e", f"smtp_tls_security_level={level}")
    classic.machine.run("postfix", "reload")


def _is_put_off(classic: Classic) -> bool:
    said = " ".join(classic.machine.queue().split())
    return "450 4.7.1" in said and "Session encryption is required" in said
