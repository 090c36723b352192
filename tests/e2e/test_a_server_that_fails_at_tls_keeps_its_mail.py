"""A server whose TLS fails comes in clear text: nothing is taken, and nothing goes back either."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.classic import Classic
from chatmail_testkit.waiting import wait_for

WITHIN_S = 60


@pytest.fixture
def fallen_back(classic: Classic) -> Iterator[Classic]:
    """The classic server as it is after a handshake that broke."""
    _set_tls(classic, "none")
    yield classic
    _set_tls(classic, "may")


@pytest.mark.disturbs
@pytest.mark.timeout(180)
def test_classic_server(dora: Person, alice: Person, fallen_back: Classic) -> None:
    """Postfix and Exim do so by default; with its next try, under TLS, the message arrives."""
    dora.sends(alice)
    wait_for(lambda: _is_put_off(fallen_back), "the message is put off", within_s=WITHIN_S)
    assert alice.inbox() == []

    _set_tls(fallen_back, "may")
    fallen_back.machine.run("postqueue", "-f")

    assert alice.receives(within_s=WITHIN_S).text == "hello"
    assert dora.inbox() == []  # nothing came back


def _set_tls(classic: Classic, level: str) -> None:
    classic.machine.run("postconf", "-e", f"smtp_tls_security_level={level}")
    classic.machine.run("postfix", "reload")


def _is_put_off(classic: Classic) -> bool:
    said = " ".join(classic.machine.queue().split())
    return "450 4.7.1" in said and "Session encryption is required" in said
