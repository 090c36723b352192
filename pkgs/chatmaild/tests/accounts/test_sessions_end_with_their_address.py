"""Dovecot is told to log an address out, in the words of its `script` service."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatmaild.sessions import end_sessions
from chatmaild.settings import Settings

ALICE = "alice1234@chat.example.org"
REQUEST = f"VERSION\tscript\t4\t0\nnoreply\n{ALICE}\n\n".encode()


@pytest.fixture
def dovecot(settings: Settings) -> Iterator[socket.socket]:
    """Dovecot's socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(settings.sockets.end_sessions)
        listener.listen()
        listener.settimeout(10)
        yield listener


def test_the_words(settings: Settings, dovecot: socket.socket) -> None:
    """One request, then the end of the connection."""
    end_sessions(settings, ALICE)

    assert _heard(dovecot) == REQUEST


def test_without_dovecot(settings: Settings) -> None:
    """There is nobody to log out, and that is no error."""
    end_sessions(settings, ALICE)


def test_deletion(play: Callable[..., Any], settings: Settings, dovecot: socket.socket) -> None:
    """The form may name a +tag, sessions never do."""

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        body = {"address": ALICE.replace("@", "+tag@"), "password": "secret-password"}
        answer = await relay.web(
            "POST",
            "/account/delete",
            json.dumps(body).encode(),
            content_type="application/json",
        )
        assert answer[0] == 200
        assert await asyncio.to_thread(_heard, dovecot) == REQUEST

    play(scenario)


def _heard(dovecot: socket.socket) -> bytes:
    connection, _ = dovecot.accept()
    with connection, connection.makefile("rb") as stream:
        return stream.read()
