"""Sessions of clients with a login: one answer, at the end of the message."""

import pathlib
import signal
from collections.abc import Iterator

import pytest

from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .support.messages import ALICE, BOB, EVE, encrypted
from .support.process import UNANSWERED_RCPT, FdStore, Filter, Mta

ACCEPTED = (b"c", b"")
INTERNAL = (b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")
# the second recipient is no mailbox
MALFORMED = ("submission", ALICE, BOB, "bob@chat.example.org@other.example")


@pytest.fixture
def served(settings: Settings, settings_file: pathlib.Path) -> Iterator[Filter]:
    """A running filter, with its socket for clients that have logged in."""
    running = Filter(settings.sockets.milter_submission, settings_file)
    yield running
    running.end()


def answer(mta: Mta, *envelope: str) -> list[tuple[bytes, bytes]]:
    """Send an encrypted message of Alice; returns the answers."""
    mta.send_envelope(*envelope)
    return mta.content(ALICE, body=encrypted())


def test_rcpt_is_not_answered(mta: Mta) -> None:
    """Postfix waits at the end alone, and the next message begins anew."""
    assert mta.steps & UNANSWERED_RCPT

    for _ in range(3):
        assert answer(mta, "submission", ALICE, BOB, ALICE) == [ACCEPTED]


def test_a_refused_recipient_refuses_the_message(mta: Mta) -> None:
    """Also where the recipients before and after it are right; the next message passes."""
    for envelope in (MALFORMED, (*MALFORMED[:2], *reversed(MALFORMED[2:]))):
        [(action, reply)] = answer(mta, *envelope)
        assert (action, reply[:9]) == (b"y", b"501 5.1.3")

    assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]


def test_a_refused_sender_refuses_the_message(mta: Mta) -> None:
    """The reply of the rate limit comes at the end."""
    for _ in range(10):
        assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]

    [(action, reply)] = answer(mta, "submission", ALICE, BOB)
    assert (action, reply[:9]) == (b"y", b"450 4.7.1")


def test_an_internal_error_at_a_recipient_is_a_451(mta: Mta) -> None:
    """Postfix has the recipient, so the message must not pass."""
    assert answer(mta, "a misconfigured ingress", ALICE, BOB) == [INTERNAL]
    assert answer(mta, "submission", ALICE, BOB) == [ACCEPTED]


def test_the_next_process_checks_every_recipient_again(
    settings: Settings, settings_file: pathlib.Path, store: FdStore, mailboxes: Mailboxes
) -> None:
    """Sessions stay what they were negotiated as: those of port 25 get an answer for each RCPT."""
    first = Filter(settings.sockets.milter_submission, settings_file, store)
    right, refused, idle = (first.connection() for _ in range(3))
    others = Mta.connected(settings.sockets.milter)
    others.negotiate()
    right.send_envelope("submission", ALICE, BOB)
    refused.send_envelope(*MALFORMED)
    assert others.envelope("smtp", EVE, BOB) == [ACCEPTED]
    assert answer(idle, "submission", ALICE, BOB) == [ACCEPTED]
    first.process.send_signal(signal.SIGTERM)
    first.ends(store)
    second = Filter(settings.sockets.milter_submission, settings_file, store)
    try:
        assert right.content(ALICE, body=encrypted()) == [ACCEPTED]
        [(action, reply)] = refused.content(ALICE, body=encrypted())
        assert (action, reply[:9]) == (b"y", b"501 5.1.3")
        assert answer(idle, "submission", ALICE, BOB) == [ACCEPTED]
        assert others.envelope("smtp", EVE, ALICE) == [ACCEPTED]
        mailboxes.delete(parse_address(BOB))
        [(action, _)] = others.envelope("smtp", EVE, BOB)
        assert action == b"y"
    finally:
        for mta in (right, refused, idle, others):
            mta.close()
        second.end()
