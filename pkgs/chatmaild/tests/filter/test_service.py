"""The filter in a process of its own, with a milter client as Postfix is (milter protocol 6)."""

import pathlib
import signal
from collections.abc import Iterator

import pytest

from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from ..children import output
from ..waiting import until
from .support.messages import ALICE, BOB, EVE, encrypted
from .support.process import LEADING_SPACE, NOT_ANSWERED, NOT_REQUESTED, FdStore, Filter, Mta


@pytest.fixture
def served(settings: Settings, settings_file: pathlib.Path) -> Iterator[Filter]:
    """A running filter."""
    running = Filter(settings.sockets.milter, settings_file)
    yield running
    running.end()


def test_only_rcpt_and_the_end_of_a_message_are_answered(mta: Mta) -> None:
    """Postfix does not wait at other steps; header values keep their leading space."""
    wanted = NOT_REQUESTED | NOT_ANSWERED | LEADING_SPACE

    assert mta.steps & wanted == wanted
    assert b"{daemon_name}" in mta.macros


def test_an_outgoing_message_is_cleaned_and_signed(mta: Mta) -> None:
    """Several messages use one connection."""
    for _ in range(3):
        assert mta.envelope("submission", ALICE, EVE) == [(b"c", b"")]
        answers = mta.content(ALICE, b"Subject: secret", b"User-Agent: x", body=encrypted())

        assert answers[:2] == [
            (b"m", b"\0\0\0\x01User-Agent\0\0"),
            (b"m", b"\0\0\0\x01Subject\0 [...]\0"),
        ]
        assert answers[2][0] == b"i"
        assert answers[2][1].startswith(b"\0\0\0\0DKIM-Signature\0 v=1; a=rsa-sha256; ")
        assert answers[3:] == [(b"c", b"")]


def test_a_refused_message_gets_its_exact_reply(mta: Mta) -> None:
    """The reply comes at the end of the message."""
    mta.envelope("submission", ALICE, EVE)

    assert mta.content(ALICE, body=b"Hello\r\n") == [
        (b"y", b"523 Encryption Needed: Invalid Unencrypted Mail\0")
    ]
    mta.envelope("smtp", EVE, ALICE)
    assert mta.content(EVE, body=encrypted()) == [(b"y", b"554 5.7.1 No DKIM signature found\0")]


@pytest.mark.usefixtures("slow_refill")
def test_the_rate_limit_is_answered_at_rcpt(mta: Mta) -> None:
    """Every recipient of the eleventh message gets the reply; percent signs are escaped."""
    sender = "100%@chat.example.org"
    for _ in range(10):
        assert mta.envelope("submission", sender, EVE) == [(b"c", b"")]
        mta.send(b"A")
    text = f"450 4.7.1: Too much mail from <{sender}>, try again in a minute\0"

    expected = [(b"y", text.replace("%", "%%").encode())] * 2
    assert mta.envelope("submission", sender, EVE, BOB) == expected


def test_the_envelope_changes_for_forwarded_mail_and_disabled_recipients(
    mta: Mta, mailboxes: Mailboxes
) -> None:
    """Changes are sent at the end of the message."""
    mailboxes.set_disabled(parse_address(BOB), True)
    mta.envelope("mxdeliv", "list@list.example", ALICE, BOB)

    assert mta.content("eve@[192.0.2.1]", body=encrypted()) == [
        (b"-", f"<{BOB}>".encode() + b"\0"),
        (b"e", b"<>\0"),
        (b"c", b""),
    ]


def test_mail_of_disabled_senders_is_discarded(mta: Mta, mailboxes: Mailboxes) -> None:
    """Postfix then answers 250."""
    mailboxes.set_disabled(parse_address(ALICE), True)
    mta.envelope("submission", ALICE, EVE)

    assert mta.content(ALICE, body=encrypted()) == [(b"d", b"")]


def test_an_internal_error_loses_no_mail(served: Filter, mta: Mta, settings: Settings) -> None:
    """The reply is 451, the next message passes, and the log has no address."""
    path = pathlib.Path(settings.directories.mail) / "carol@chat.example.org"
    path.symlink_to(path)
    mta.envelope("submission", ALICE, "carol@chat.example.org")
    internal = (b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")

    assert mta.content(ALICE, body=encrypted()) == [internal]
    assert mta.envelope("a misconfigured ingress", ALICE, BOB) == [internal]
    mta.send(b"A")
    assert mta.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    assert mta.content(ALICE, body=encrypted())[-1] == (b"c", b"")
    mta.close()
    log = served.stop()
    assert log.count("failed") == 2
    assert "@" not in log


def test_an_idle_filter_stops_at_once(served: Filter, mta: Mta) -> None:
    """It waits for messages only."""
    mta.close()
    served.stop()

    assert served.process.returncode == 0


def test_a_stop_waits_for_the_current_message(served: Filter, mta: Mta) -> None:
    """The client gets the decision, then the process exits."""
    assert mta.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    mta.begin_content(ALICE)
    other = served.connection()
    assert other.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    other.close()
    served.process.send_signal(signal.SIGTERM)

    assert mta.end_content(encrypted())[-1] == (b"c", b"")
    output(served.process)
    assert served.process.returncode == 0


def test_a_restart_interrupts_no_smtp_session(
    settings: Settings, settings_file: pathlib.Path, store: FdStore
) -> None:
    """No 4xx between two messages, before and after DATA, in the content, or in new sessions."""
    first = Filter(settings.sockets.milter, settings_file, store)
    idle, open_, busy, slow = (first.connection() for _ in range(4))
    assert busy.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    busy.begin_content(ALICE)
    assert open_.envelope("submission", ALICE, BOB, EVE) == [(b"c", b"")] * 2
    assert slow.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    slow.send(b"T")  # Postfix waits for its client, then sends the content at once
    assert idle.envelope("submission", ALICE, BOB) == [(b"c", b"")]
    assert idle.content(ALICE, body=encrypted())[-1] == (b"c", b"")
    first.process.send_signal(signal.SIGTERM)
    until(lambda: kept(store) == 5)  # three connections and two states
    idle.send_envelope("submission", ALICE, BOB)
    assert busy.end_content(encrypted())[-1] == (b"c", b"")
    first.ends(store)
    new = Mta.connected(settings.sockets.milter)
    second = Filter(settings.sockets.milter, settings_file, store)
    try:
        assert idle.receive() == (b"c", b"")
        assert idle.content(ALICE, body=encrypted())[-1] == (b"c", b"")
        assert [action for action, _ in open_.content(ALICE, body=encrypted())] == [b"i", b"c"]
        slow.begin_content(ALICE, data_sent=True)
        assert [action for action, _ in slow.end_content(encrypted())] == [b"c"]
        new.negotiate()
        for mta in (busy, new):
            assert mta.envelope("submission", ALICE, BOB) == [(b"c", b"")]
            assert mta.content(ALICE, body=encrypted())[-1] == (b"c", b"")
        assert kept(store) == 0
        second.process.send_signal(signal.SIGTERM)
        second.ends(store)
        assert kept(store) == 5
    finally:
        for mta in (idle, open_, busy, slow, new):
            mta.close()
        second.end()


def test_a_recipient_that_the_next_process_refuses_gets_a_451(
    settings: Settings, settings_file: pathlib.Path, store: FdStore, mailboxes: Mailboxes
) -> None:
    """Otherwise Postfix would deliver to a recipient that does not exist."""
    first = Filter(settings.sockets.milter, settings_file, store)
    mta = first.connection()
    assert mta.envelope("smtp", EVE, ALICE, BOB) == [(b"c", b"")] * 2
    first.process.send_signal(signal.SIGTERM)
    first.ends(store)
    mailboxes.delete(parse_address(BOB))
    second = Filter(settings.sockets.milter, settings_file, store)
    try:
        answers = mta.content(EVE, body=encrypted())
        assert answers == [(b"y", b"451 4.3.0 Internal error in mail filter, try again later\0")]
        assert mta.envelope("smtp", EVE, ALICE) == [(b"c", b"")]
    finally:
        mta.close()
        second.end()


def kept(store: FdStore) -> int:
    """The number of session descriptors in the store."""
    return sum(name.startswith("milter1.") for name in store.names())


def test_a_large_header_delays_no_other_session(served: Filter, mta: Mta) -> None:
    """A thread decides on a header of half a megabyte."""
    fields = [b"X-%d: " % number + b"x" * 900 for number in range(550)]
    mta.envelope("submission", ALICE, EVE)
    answers = mta.content(ALICE, *fields, body=encrypted())

    assert answers[-1] == (b"c", b"")
    other = served.connection()
    assert other.envelope("submission", BOB, ALICE) == [(b"c", b"")]
    other.close()
