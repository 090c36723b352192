"""Waits for the services of a relay."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from chatmail_install.wait import Service, answers, wait

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that sends a greeting to one client; returns its port."""
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
def test_the_answer_decides(serve: Serve, greeting: bytes, right: bool) -> None:
    """An open port is not enough."""
    service = Service(name="SMTP", port=serve(greeting), tls=False, answer=b"220 ")

    assert answers("127.0.0.1", service, "chat.ada.example") is right


def test_plain_text_instead_of_tls_is_no_answer(serve: Serve) -> None:
    """And no exception."""
    service = Service(name="IMAP", port=serve(b"* OK\r\n"), tls=True, answer=b"* OK")

    assert not answers("127.0.0.1", service, "chat.ada.example")


def test_waiting_ends_when_all_answer(serve: Serve) -> None:
    """Each service is reported once."""
    said: list[str] = []
    service = Service(name="SMTP", port=serve(b"220 relay\r\n"), tls=False, answer=b"220 ")

    assert (
        wait("127.0.0.1", "x.example", deadline_s=50, report=said.append, awaited=(service,)) == ()
    )
    assert said == ["SMTP answers"]


def test_a_door_that_stays_shut_is_named() -> None:
    """No process listens on port 1."""
    service = Service(name="SMTP", port=1, tls=False, answer=b"220 ")

    assert wait("127.0.0.1", "x.example", deadline_s=0, report=print, awaited=(service,)) == (
        "SMTP",
    )
