"""Dovecot's quota-status service decides whether a message fits."""

import contextlib
import pathlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatmaild.address import parse_address
from chatmaild.store.mail.room import Room

BOB = parse_address("bob@chat.example.org")


@contextlib.contextmanager
def dovecot(path: pathlib.Path, answer: bytes) -> Iterator[list[bytes]]:
    """A quota-status service with one fixed answer; yields the requests."""
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
def test_dovecot_decides_whether_a_message_fits(
    tmp_path: pathlib.Path, answer: bytes, has_room: bool
) -> None:
    """Without a clear answer the message is accepted; it can bounce."""
    path = tmp_path / "quota-status"
    with dovecot(path, answer) as asked:
        found = Room(str(path)).has_room(BOB, 2500)

    assert has_room is found
    assert [f"recipient={BOB}\nsize=2500\n\n".encode()] == asked


def test_mail_is_accepted_without_dovecot(tmp_path: pathlib.Path) -> None:
    """The message waits in the queue."""
    assert Room(str(tmp_path / "none")).has_room(BOB, 1)
