"""How it is told that a daemon answers."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from chatmail_install.wait import Door, answers, wait

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that says something to whoever connects; the answer is its port."""
    with contextlib.ExitStack() as stack:

        def start(greeting: bytes) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def work() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(greeting)

            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)
            return int(listener.getsockname()[1])

        yield start


@pytest.mark.parametrize(
    ("greeting", "right"), [(b"220 relay ESMTP\r\n", True), (b"554 no\r\n", False), (b"22", False)]
)
def test_a_daemon_speaks_as_it_should(serve: Serve, greeting: bytes, right: bool) -> None:
    """A port that is open is not enough."""
    door = Door(name="SMTP", port=serve(greeting), tls=False, says=b"220 ")

    assert answers("127.0.0.1", door, "chat.ada.example") is right


def test_plain_text_is_no_tls(serve: Serve) -> None:
    """And no crash."""
    door = Door(name="IMAP", port=serve(b"* OK\r\n"), tls=True, says=b"* OK")

    assert not answers("127.0.0.1", door, "chat.ada.example")


def test_waiting_ends_when_all_answer(serve: Serve) -> None:
    """Each is told once."""
    told: list[str] = []
    door = Door(name="SMTP", port=serve(b"220 relay\r\n"), tls=False, says=b"220 ")

    assert wait("127.0.0.1", "x.example", deadline_s=5, tell=told.append, shut=(door,)) == ()
    assert told == ["SMTP answers"]


def test_a_door_that_stays_shut_is_named() -> None:
    """No process listens on port 1."""
    door = Door(name="SMTP", port=1, tls=False, says=b"220 ")

    assert wait("127.0.0.1", "x.example", deadline_s=0, tell=print, shut=(door,)) == ("SMTP",)
