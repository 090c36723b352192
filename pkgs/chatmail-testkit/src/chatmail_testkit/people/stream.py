"""A person who writes to another one at a steady pace, while something happens to the relay."""

from __future__ import annotations

import threading

import aiosmtplib

from chatmail_testkit.mail.reply import OK
from chatmail_testkit.people.person import Person

PACE_S = 0.5


def stream(sender: Person, recipient: Person, over: threading.Event) -> list[str]:
    """Sends messages until `over` is set, and returns the texts that were accepted.

    After a temporary refusal, or a session that ends, it logs in again.

    Raises:
        AssertionError: a message was refused for good.
    """
    accepted: list[str] = []
    number = 0
    while not over.wait(PACE_S):
        number += 1
        text = f"{sender.domain} {number}"
        try:
            reply = sender.submits(sender.writes(recipient, text=text), recipient)
        except (aiosmtplib.SMTPException, OSError):
            sender.leaves()
            continue
        assert reply.code < 500, reply
        if reply.code == OK:
            accepted.append(text)
        else:
            sender.leaves()
    sender.leaves()
    return accepted
