"""The IMAP client reads METADATA in every form, and notices the end of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from imapclient import IMAPClient

from chatmail_testkit.mail.imap import Imap

Serve = Callable[..., tuple[int, list[bytes]]]
ANSWERS = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n",
    b"GETMETADATA": b'* METADATA "INBOX" (/a "short" /b NIL)\r\n'
    b'* METADATA "INBOX" (/c {6}\r\nlonger)\r\nTAG OK done\r\n',
    b'"good"': b"TAG OK done\r\n",
    b'"bad"': b"TAG NO [METADATA MAXSIZE 4096] no\r\n",
    b"IDLE": b"+ idling\r\n* 1 EXISTS\r\n",
    b"NOOP": b"TAG OK done\r\n",
    b"LOGOUT": b"* BYE\r\nTAG OK done\r\n",
}


class PlainImap(Imap):
    """A session without TLS."""

    def __init__(self, port: int) -> None:
        IMAPClient.__init__(self, "127.0.0.1", port, ssl=False, timeout=5)


@pytest.fixture
def session(serve: Serve) -> Iterator[PlainImap]:
    """Logged in."""
    port, _ = serve(b"* PREAUTH here\r\n", ANSWERS)
    made = PlainImap(port)
    yield made
    made.end()


def test_values(session: PlainImap) -> None:
    """Quoted, literal and NIL; an entry without an answer has no key."""
    found = session.get_metadata("INBOX", "/a", "/b", "/c", "/d")

    assert found == {"/a": "short", "/b": None, "/c": "longer"}


def test_a_value_is_set_or_refused(session: PlainImap) -> None:
    """The status is a value."""
    assert session.set_metadata("INBOX", "/a", "good") == "OK"
    assert session.set_metadata("INBOX", "/a", "bad") == "NO"


def test_the_end_of_a_session(serve: Serve) -> None:
    """Whatever the client does then."""
    port, _ = serve(b"* PREAUTH here\r\n", {b"CAPABILITY": ANSWERS[b"CAPABILITY"]})
    session = PlainImap(port)

    assert session.has_ended()
    session.end()


def test_a_session_that_goes_on(session: PlainImap) -> None:
    """NOOP is answered."""
    assert not session.has_ended()
