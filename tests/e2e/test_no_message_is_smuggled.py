"""A message ends with CRLF dot CRLF and nothing else, so none can hide inside another."""

from __future__ import annotations

import contextlib
import smtplib

import pytest
from support.person import Person

ENDINGS = {
    "LF dot LF": b"\n.\n",
    "LF dot CRLF": b"\n.\r\n",
    "CRLF dot LF": b"\r\n.\n",
    "CR dot CR": b"\r.\r",
    "CRLF dot CR": b"\r\n.\r",
    "CRLF NUL dot CRLF": b"\r\n\x00.\r\n",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_false_end(ending: str, alice: Person, bob: Person) -> None:
    """What follows a false end is never a message of its own, and a bare LF is refused."""
    smuggled = alice.writes(bob, text="smuggled")
    commands = f"MAIL FROM:<{alice.address}>\r\nRCPT TO:<{bob.address}>\r\nDATA\r\n".encode()
    message = alice.writes(bob, text="outer") + ENDINGS[ending] + commands + smuggled

    code = _sends_raw(alice, bob, message)

    alice.leaves()
    alice.sends(bob, text="honest")
    assert bob.receives().text == "honest"
    assert 500 <= code < 600


def _sends_raw(alice: Person, bob: Person, message: bytes) -> int:
    """Returns the first reply to the message, which is sent without any change."""
    session = alice.smtp
    session.docmd("MAIL", f"FROM:<{alice.address}>")
    session.docmd("RCPT", f"TO:<{bob.address}>")
    assert session.docmd("DATA")[0] == 354
    with contextlib.suppress(smtplib.SMTPException, OSError):
        session.send(message + b"\r\n.\r\n")
        return session.getreply()[0]
    return 521  # the relay closed the connection
