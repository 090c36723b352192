"""Dovecot logs an address out: the protocol of its `script` service."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.sessions import end_sessions

from ..waiting import DEADLINE_S

ALICE = parse_address("alice1234@chat.example.org")
REQUEST = f"VERSION\tscript\t4\t0\nnoreply\n{ALICE}\n\n".encode()


@pytest.fixture
def dovecot(settings: Settings) -> Iterator[socket.socket]:
    """Dovecot's socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(settings.sockets.end_sessions)
        listener.listen()
        listener.settimeout(DEADLINE_S)
        yield listener


def test_the_request(settings: Settings, dovecot: socket.socket) -> None:
    """One request, which ends with Dovecot's answer."""
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(end_sessions, settings, ALICE)
        connection, _ = dovecot.accept()
        with connection:
            assert _request(connection) == REQUEST
            connection.sendall(b"1 connections kicked\n")
            with pytest.raises(TimeoutError):
                ending.result(timeout=0.2)
        ending.result(timeout=DEADLINE_S)


def test_without_dovecot(settings: Settings) -> None:
    """There are no sessions, and that is no error."""
    end_sessions(settings, ALICE)


def test_deletion(play: Callable[..., Any], settings: Settings, dovecot: socket.socket) -> None:
    """The form may name a +tag, sessions never do."""

    async def scenario(relay: Any) -> None:
        await relay.login(str(ALICE), "secret-password")
        heard = asyncio.create_task(asyncio.to_thread(_heard, dovecot))
        body = {"address": str(ALICE).replace("@", "+tag@"), "password": "secret-password"}
        answer = await relay.web(
            "POST",
            "/account/delete",
            json.dumps(body).encode(),
            content_type="application/json",
        )
        assert answer[0] == 200
        assert await heard == REQUEST

    play(scenario)


def _heard(dovecot: socket.socket) -> bytes:
    connection, _ = dovecot.accept()
    with connection:
        return _request(connection)


def _request(connection: socket.socket) -> bytes:
    connection.settimeout(DEADLINE_S)
    received = b""
    while not received.endswith(b"\n\n"):
        more = connection.recv(1024)
        assert more, received
        received += more
    return received
