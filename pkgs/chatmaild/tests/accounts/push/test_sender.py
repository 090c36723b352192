"""From a delivery to the notification server: first tries, retries, crashes."""

import asyncio
import os
import pathlib
import socket
import time
from typing import Any

import pytest

from chatmaild.accounts.push import notifier
from chatmaild.accounts.push import sender as sender_module
from chatmaild.address import parse_address
from chatmaild.store.notifications import DIRECTORY, gives_up, levels, retry_delay_s

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")
NOW_S = time.time()


@pytest.fixture
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after hundredths of a second."""
    monkeypatch.setattr(sender_module, "retry_delay_s", lambda level: 0.01 * level)


def test_each_device_is_notified_once(server: Any, office: Any) -> None:
    """The body is the token and nothing else; the disk is empty afterwards."""

    office.wakes(ALICE, BOB)

    assert sorted(server.tokens) == ["openpgp:phone", "openpgp:tablet"]
    assert office.disk.load() == []
    assert office.counters.value("notifications", result="200") == 2


def test_connections_are_kept(server: Any, office: Any) -> None:
    """Forty notifications use four connections at most."""

    async def scenario() -> None:
        async with office.at_work() as sender:
            for _ in range(20):
                sender.notify(ALICE)
                await office.until(lambda: sender.waiting() == 0)

    asyncio.run(scenario())
    assert len(server.tokens) == 40
    assert server.connections <= 4


def test_a_token_that_is_gone_is_forgotten(server: Any, office: Any) -> None:
    """410 removes the token of this address."""
    server.answer = 410

    office.wakes(ALICE)

    assert office.tokens.valid(ALICE, now_s=time.time()) == []
    assert office.disk.load() == []


@pytest.mark.usefixtures("fast_retries")
@pytest.mark.parametrize("trouble", [500, 429, 301, "cut"])
def test_trouble_is_tried_again(server: Any, office: Any, trouble: int | str) -> None:
    """Until the server takes it."""
    office.tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = [trouble, trouble, trouble]

    office.wakes(ALICE)

    assert len(server.tokens) == 4
    assert office.counters.value("notifications", result="200") == 1
    assert office.tokens.valid(ALICE, now_s=time.time()) == ["openpgp:phone"]


@pytest.mark.usefixtures("fast_retries")
def test_it_is_given_up_after_the_last_level(
    server: Any, office: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Five attempts, then an error without the address or the token."""
    office.tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.answer = 500

    office.wakes(ALICE)

    assert len(server.tokens) == 5
    assert office.disk.load() == []
    assert "given up" in caplog.text
    assert "alice1234" not in caplog.text
    assert "openpgp" not in caplog.text


def test_a_hanging_server_delays_no_other(server: Any, office: Any) -> None:
    """The other workers continue, and the end does not wait for it."""
    server.script = ["hang"]

    async def scenario() -> None:
        async with office.at_work() as sender:
            sender.notify(ALICE)
            await office.until(lambda: sender.waiting() == 1 and len(server.tokens) == 2)
            started_s = time.monotonic()
        assert time.monotonic() - started_s < notifier.TIMEOUT_S / 4

    asyncio.run(scenario())
    assert len(office.disk.load()) == 1


def test_an_unreachable_server_and_a_wrong_certificate_are_trouble(
    server: Any, office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to another server, and nothing is lost."""

    def failures() -> int:
        count: int = office.counters.value("notifications", result="unreachable")
        return count

    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"https://127.0.0.1:{free.getsockname()[1]}/notify"
    for url, trusted in ((closed, True), (server.url, False)):
        if not trusted:
            monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
        before = failures()

        async def scenario(url: str = url, before: int = before) -> None:
            async with office.at_work(url) as sender:
                sender.notify(ALICE)
                await office.until(lambda: failures() >= before + 2)

        asyncio.run(scenario())
    assert server.tokens == []
    assert len(office.disk.load()) >= 2


def test_one_notification_a_device_however_many_messages(server: Any, office: Any) -> None:
    """A hundred messages at once: one attempt, and one more for those that arrive meanwhile."""

    office.wakes(*[ALICE] * 100)

    assert 2 <= len(server.tokens) <= 4


def test_a_message_during_an_attempt_is_sent_after_it(server: Any, office: Any) -> None:
    """The phone may have looked before that message was there."""
    office.tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = ["hang"]

    async def scenario() -> None:
        async with office.at_work() as sender:
            sender.notify(ALICE)
            await office.until(lambda: len(server.tokens) == 1)
            sender.notify(ALICE)
            server.release.set()
            await office.until(lambda: sender.waiting() == 0)

    asyncio.run(scenario())
    assert server.tokens == ["openpgp:phone"] * 2


def test_a_message_during_a_retry_is_sent_at_once(server: Any, office: Any) -> None:
    """Instead of the retry."""
    office.tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = [500]

    async def scenario() -> None:
        async with office.at_work() as sender:
            sender.notify(ALICE)
            await office.until(lambda: office.counters.value("notifications", result="500") == 1)
            sender.notify(ALICE)
            await office.until(lambda: sender.waiting() == 0)

    asyncio.run(scenario())
    assert server.tokens == ["openpgp:phone"] * 2


def test_what_a_crash_left_is_sent_at_the_next_start(
    server: Any, office: Any, tmp_path: pathlib.Path
) -> None:
    """Incomplete, unreadable and old files are deleted."""
    office.disk.load()
    office.disk.add(ALICE, "openpgp:phone", now_s=NOW_S)
    office.disk.add(ALICE, "openpgp:old", now_s=NOW_S - 18001)
    directory = tmp_path / DIRECTORY
    (directory / "half.tmp").write_text("x")
    (directory / "damaged").write_text("one line")
    (directory / "damaged2").write_bytes(b"a\nb\n\xff")

    office.wakes()

    assert server.tokens == ["openpgp:phone"]
    assert list(directory.iterdir()) == []


def test_the_levels_are_those_of_the_protocol() -> None:
    """8, 64, 512 and 4096 seconds within five hours."""
    assert levels(18000) == 5
    assert [retry_delay_s(level) for level in range(1, 5)] == [8, 64, 512, 4096]
    assert not gives_up(0, 18000, 18000)
    assert gives_up(0, 18001, 18000)
