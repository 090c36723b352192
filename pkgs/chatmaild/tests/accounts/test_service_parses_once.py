"""Text from outside is parsed as an address once, where it enters."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatmaild import address as module
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import netstring, read_netstring

Play = Callable[[Any], None]
ALICE = "alice1234@chat.example.org"
BOB = "bob123456@chat.example.org"


class Parsed:
    """The texts that were parsed as addresses: stands in for the first check of each."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self.texts: list[str] = []

    def search(self, text: str) -> re.Match[str] | None:
        """Check and remember."""
        self.texts.append(text)
        return self._pattern.search(text)

    def take(self) -> list[str]:
        """What was parsed since the last time."""
        texts, self.texts = self.texts, []
        return texts


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    """Counts from now on, whichever module parses."""
    counter = Parsed(module._FORBIDDEN)
    monkeypatch.setattr(module, "_FORBIDDEN", counter)
    return counter


def test_logins(play: Play, parsed: Parsed) -> None:
    """The first one, which makes the account, and those after it, right and wrong."""

    async def scenario(relay: Any) -> None:
        for password in ("secret-password", "secret-password", "wrong-password"):
            parsed.take()
            assert (await relay.login(ALICE, password))[0] == 200

            assert parsed.take() == [ALICE]

    play(scenario)


def test_a_delivery(play: Play, parsed: Parsed, settings: Settings) -> None:
    """The owner and the sender, because the two are compared."""
    fields = {"user": ALICE, "mail_from": f"<{BOB}>"}
    event = json.dumps({"event": "mail_delivery_finished", "fields": fields}).encode() + b"\n"

    async def scenario(relay: Any) -> None:
        await relay.login(ALICE, "secret-password")
        parsed.take()
        with Path(settings.sockets.deliveries).open("ab") as file:
            file.write(event)
        texts: list[str] = []
        async with asyncio.timeout(10):
            while len(texts) < 2:
                await asyncio.sleep(0.002)
                texts += parsed.take()

        assert texts == [ALICE, BOB]

    play(scenario)


def test_look_ups(play: Play, parsed: Parsed, settings: Settings) -> None:
    """Postfix' look-ups of a recipient and of its next hop."""

    async def scenario(relay: Any) -> None:
        for path, name in (
            (settings.sockets.recipients, "recipients"),
            (settings.sockets.transports, "transport"),
        ):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(netstring(f"{name} {ALICE}".encode()))
            assert await read_netstring(reader)
            writer.close()

            assert parsed.take() == [ALICE]

    play(scenario)


def test_new_and_delete(play: Play, parsed: Parsed) -> None:
    """An address is offered, taken by its first login, and deleted."""

    async def scenario(relay: Any) -> None:
        answer = json.loads((await relay.web("POST", "/new", x_real_ip="192.0.2.1"))[2])
        address, password = answer["email"], answer["password"]
        assert parsed.take() == [address]
        await relay.login(address, password)
        assert parsed.take() == [address]
        body = json.dumps({"address": address, "password": password}).encode()
        kind = "application/json"
        status, *_ = await relay.web("POST", "/account/delete", body, content_type=kind)

        assert status == 200
        assert parsed.take() == [address]

    play(scenario)


def test_metadata(play: Play, parsed: Parsed, settings: Settings) -> None:
    """A look-up, and a transaction with two changes."""
    key = "priv/0/devicetoken"

    async def scenario(_: Any) -> None:
        reader, writer = await asyncio.open_unix_connection(settings.sockets.metadata)
        for lines in (f"L{key}\t{ALICE}\n", f"B1\t{ALICE}\nU1\t{key}\nU1\t{key}\nC1\n"):
            writer.write(lines.encode())
            assert await reader.readline()

            assert parsed.take() == [ALICE]
        writer.close()

    play(scenario)
