"""Hints of the filter to the transport, over a real socket."""

import contextlib
import pathlib
import socket
from collections.abc import Iterator

import pytest

from chatmaild.flow.expected import ExpectedMail

from ..waiting import DEADLINE_S


@pytest.fixture
def path(socket_directory: pathlib.Path) -> str:
    """Where the transport listens."""
    return str(socket_directory / "destinations.sock")


@pytest.fixture
def transport(path: str) -> Iterator[socket.socket]:
    """The transport's listening socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(DEADLINE_S)
        yield listener


def test_a_domain_is_named_once_in_a_while(path: str, transport: socket.socket) -> None:
    """On one connection; the answers are read and ignored."""
    now = [100.0]
    expected = ExpectedMail(path, lambda: now[0])
    for domain in ("peer.test", "peer.test", "other.test"):
        expected.note(domain)
    connection, _ = transport.accept()
    with connection, contextlib.closing(expected):
        assert connection.recv(4096) == b"18:expected peer.test,19:expected other.test,"
        connection.send(b"9:NOTFOUND ,9:NOTFOUND ,")
        now[0] += 30
        expected.note("peer.test")
        assert connection.recv(4096) == b"18:expected peer.test,"


def test_a_restart_of_the_transport_costs_nothing(path: str, transport: socket.socket) -> None:
    """The next hint goes to the new process."""
    expected = ExpectedMail(path)
    expected.note("a.test")
    transport.accept()[0].close()
    expected.note("b.test")
    connection, _ = transport.accept()
    with connection, contextlib.closing(expected):
        assert connection.recv(4096) == b"15:expected b.test,"


def test_hints_are_lost_without_the_transport(path: str, socket_directory: pathlib.Path) -> None:
    """No error, and no waiting: a full queue of connections, no socket, no directory."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
        busy.bind(path)
        busy.listen(0)
        hints = [ExpectedMail(path) for _ in range(10)]
        for number, expected in enumerate(hints):
            expected.note(f"{number}.test")
    for expected in hints:
        expected.close()
    ExpectedMail(path).note("peer.test")
    ExpectedMail(str(socket_directory / "no" / "x.sock")).note("peer.test")
