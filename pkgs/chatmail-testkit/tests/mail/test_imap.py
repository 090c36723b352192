"""The IMAP client reads METADATA in every form, and notices the end of a session."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from imapclient import IMAPClient

from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.waiting import ANSWER_S, PATIENCE_S

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
        IMAPClient.__init__(self, "127.0.0.1", port, ssl=False, timeout=ANSWER_S)


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


@pytest.mark.parametrize(
    "pieces",
    [
        (b"* OK Still here\r\n* 1 EXI", b"STS\r\n"),
        (b"* OK Still here\r\n", b"* 1 EXISTS\r\n"),
    ],
    ids=["in two pieces", "after Still here"],
)
def test_a_late_notice(pieces: tuple[bytes, bytes]) -> None:
    """It is whole, and IDLE ends as usual; that the server is still there is no notice."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_slowly, args=(listener, *pieces))
        thread.start()
        session = PlainImap(listener.getsockname()[1])
        session.idle()

        assert session.notices(within_s=PATIENCE_S) == [(1, b"EXISTS")]
        assert session.notices(within_s=0.1) == []
        assert session.idle_done() == (b"done", [])
        session.shutdown()
        thread.join()


def _serve_slowly(listener: socket.socket, first: bytes, second: bytes) -> None:
    """Send the second piece of a notice when the client has had time for the first one."""
    peer, _ = listener.accept()
    with peer, peer.makefile("rb") as lines:
        peer.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] here\r\n")
        tags = []
        for line in lines:
            tags.append(line.split()[0])
            if line == b"DONE\r\n":
                peer.sendall(tags[-2] + b" OK done\r\n")
            elif b"IDLE" in line:
                peer.sendall(b"+ idling\r\n")
                peer.sendall(first)
                select.select([peer], [], [], 0.2)
                peer.sendall(second)
            else:
                peer.sendall(ANSWERS[b"CAPABILITY"].replace(b"TAG", tags[-1]))
