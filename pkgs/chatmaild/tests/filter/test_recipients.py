"""Rule O12: a message that reaches nobody is refused."""

import contextlib
import pathlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatmaild.address import Address
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.recipients import Recipients
from chatmaild.filter.rules import Standing, StoredSize, Unreachable, nobody_reached, unreachable
from chatmaild.filter.verdicts import mailbox_full, no_such_address

from .letters import DOMAIN, mailbox

HERE, GONE, LOST, FULL, CRAMMED = (
    mailbox(f"{name}@{DOMAIN}") for name in ("here", "gone", "lost", "full", "crammed")
)
STANDINGS = {
    HERE: Standing.REACHABLE,
    GONE: Standing.GONE,
    LOST: Standing.GONE,
    FULL: Standing.NEARLY_FULL,
    CRAMMED: Standing.NEARLY_FULL,
}


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        ((), None),
        ((HERE,), None),
        ((GONE, HERE), None),
        ((FULL, GONE, HERE), None),
        ((GONE,), Unreachable((GONE,), ())),
        ((GONE, LOST), Unreachable((GONE, LOST), ())),
        ((FULL,), Unreachable((), (FULL,))),
        ((FULL, GONE), Unreachable((GONE,), (FULL,))),
    ],
)
def test_one_who_is_reached_is_enough(
    recipients: tuple[Mailbox, ...], expected: Unreachable | None
) -> None:
    """Groups are taken as they are; what fails in them comes back."""
    assert expected == unreachable(recipients, STANDINGS.__getitem__)


def test_nothing_is_asked_behind_the_first_who_is_reached() -> None:
    """A group of a thousand costs no thousand questions."""
    asked: list[Mailbox] = []

    def standing(address: Mailbox) -> Standing:
        asked.append(address)
        return STANDINGS[address]

    unreachable([GONE, HERE, FULL], standing)

    assert asked == [GONE, HERE]


def test_the_reply_names_who_is_gone_first() -> None:
    """Gone is final, full is not; room for one is enough."""
    both = Unreachable((GONE, LOST), (FULL,))

    assert no_such_address(str(GONE)) == nobody_reached(both, lambda _: False)
    assert nobody_reached(both, lambda _: True) is None
    assert mailbox_full(str(FULL)) == nobody_reached(
        Unreachable((), (FULL, CRAMMED)), lambda _: False
    )
    assert nobody_reached(Unreachable((), (FULL, CRAMMED)), lambda a: a == CRAMMED) is None


def test_replies_are_those_of_postfix_and_dovecot() -> None:
    """What a peer would say at port 25, and what delivery would say."""
    gone, full = no_such_address("x@y"), mailbox_full("x@y")

    assert (gone.code, gone.text) == (550, "5.1.1 <x@y>: Recipient address rejected: User unknown")
    assert (full.code, full.text) == (552, "5.2.2 <x@y> Quota exceeded (mailbox for user is full)")
    assert "x@y" not in gone.reason + full.reason


def test_sizes_are_those_on_disk() -> None:
    """A maildir has line ends of one byte; pieces end at line ends, as Postfix gives them."""
    size = StoredSize()
    for piece in (b"ab\r\n\r\n", b"c\r\n"):
        size.feed(piece)

    assert len(b"ab\n\nc\n") == size.bytes


class Addresses:
    """Alice has room, Bob has none."""

    def exists(self, address: Address) -> bool:
        """As the mailboxes answer."""
        return address.local in {"alice", "bob"}

    def is_nearly_full(self, address: Address) -> bool:
        """As the markers say."""
        return address.local == "bob"


@pytest.mark.parametrize(
    ("address", "standing"),
    [
        (f"alice@{DOMAIN}", Standing.REACHABLE),
        (f"bob@{DOMAIN}", Standing.NEARLY_FULL),
        (f"eve@{DOMAIN}", Standing.GONE),
        (f'"alice"@{DOMAIN}', Standing.REACHABLE),
        (f'"eve"@{DOMAIN}', Standing.GONE),
        ("eve@peer.example", Standing.REACHABLE),
        ("no/name@peer.example", Standing.REACHABLE),
    ],
)
def test_standings(address: str, standing: Standing) -> None:
    """Only our own addresses are known, however they are written."""
    assert standing == Recipients(Addresses(), "/nowhere").standing(mailbox(address))


@contextlib.contextmanager
def dovecot(path: pathlib.Path, answer: bytes) -> Iterator[list[bytes]]:
    """A quota-status service that gives one answer; keeps the question."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(1024))
            connection.sendall(answer)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


@pytest.mark.parametrize(
    ("answer", "has_room"),
    [
        (b"action=OK\n\n", True),
        (b"action=552 5.2.2\n\n", False),
        (b"action=DEFER_IF_PERMIT Temporary internal error\n\n", True),
        (b"", True),
    ],
)
def test_dovecot_decides(tmp_path: pathlib.Path, answer: bytes, has_room: bool) -> None:
    """What it cannot tell refuses nothing: the message would bounce."""
    path = tmp_path / "quota-status"
    with dovecot(path, answer) as asked:
        found = Recipients(Addresses(), str(path)).has_room(mailbox(f"bob@{DOMAIN}"), 2500)

    assert has_room is found
    assert [f"recipient=bob@{DOMAIN}\nsize=2500\n\n".encode()] == asked


def test_without_dovecot_mail_is_taken(tmp_path: pathlib.Path) -> None:
    """It waits in the queue then."""
    assert Recipients(Addresses(), str(tmp_path / "none")).has_room(mailbox(f"bob@{DOMAIN}"), 1)
