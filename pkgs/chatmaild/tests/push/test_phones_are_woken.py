"""From a delivery to the notification server: first tries, retries, crashes, self-sent copies.

Over 300 lines: one life of a notification, with the stand-in server that it needs.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from chatmaild.metrics import Counters
from chatmaild.push import notifier
from chatmaild.push import sender as sender_module
from chatmaild.push.events import delivered_to
from chatmaild.push.queue import DIRECTORY, DiskQueue, gives_up, levels, retry_delay_s
from chatmaild.push.sender import Sender
from chatmaild.settings import Push, Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tokens import Tokens

ALICE = "alice1234@chat.example.org"
BOB = "bob123456@chat.example.org"
NOW_S = time.time()


@pytest.fixture
def push(settings: Settings, server: Any) -> Push:
    """Push to the notification server of the test."""
    return dataclasses.replace(settings.push, notifier_url=server.url)


@pytest.fixture
def tokens(mailboxes: Mailboxes) -> Tokens:
    """Alice has two devices, Bob none."""
    for address in (ALICE, BOB):
        mailboxes.create(address, "hash", now_s=NOW_S)
    tokens = Tokens(mailboxes, 90)
    for token in ("openpgp:phone", "openpgp:tablet"):
        tokens.add(ALICE, token, now_s=NOW_S)
    return tokens


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> DiskQueue:
    """The queue on disk."""
    return DiskQueue(tmp_path)


@pytest.fixture
def counters() -> Counters:
    """The metrics."""
    return Counters()


@contextlib.asynccontextmanager
async def running(
    push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> AsyncIterator[Sender]:
    """A sender at work."""
    sender = Sender(push, disk, tokens, counters)
    sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after hundredths of a second."""
    monkeypatch.setattr(sender_module, "retry_delay_s", lambda level: 0.01 * level)


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it."""
    asyncio.run(scenario())  # type: ignore[arg-type]


def test_each_device_is_told_once(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """The body is the token and nothing else; the disk is empty afterwards."""

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            sender.notify(BOB)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert sorted(server.tokens) == ["openpgp:phone", "openpgp:tablet"]
    assert disk.load() == []
    assert counters.value("notifications", result="200") == 2


def test_connections_are_kept(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """Forty notifications, four connections at most; a message each, with a pause between."""

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            for _ in range(20):
                sender.notify(ALICE)
                await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert len(server.tokens) == 40
    assert server.connections <= 4


def test_a_token_that_is_gone_is_forgotten(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """410 removes the token of this address."""
    server.answer = 410

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert tokens.valid(ALICE, now_s=NOW_S) == []
    assert disk.load() == []


@pytest.mark.usefixtures("fast_retries")
@pytest.mark.parametrize("trouble", [500, 429, 301, "cut"])
def test_trouble_is_tried_again(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters, trouble: int | str
) -> None:
    """Until the server takes it."""
    tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = [trouble, trouble, trouble]

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert len(server.tokens) == 4
    assert counters.value("notifications", result="200") == 1
    assert tokens.valid(ALICE, now_s=NOW_S) == ["openpgp:phone"]


@pytest.mark.usefixtures("fast_retries")
def test_it_is_given_up_after_the_last_level(
    server: Any,
    push: Push,
    disk: DiskQueue,
    tokens: Tokens,
    counters: Counters,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Five attempts, then an error without the address or the token."""
    tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.answer = 500

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert len(server.tokens) == 5
    assert disk.load() == []
    assert "given up" in caplog.text
    assert "alice1234" not in caplog.text
    assert "openpgp" not in caplog.text


def test_a_hanging_server_holds_up_nothing_else(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """The other workers go on, and the end does not wait for it."""
    server.script = ["hang"]

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: sender.waiting() == 1 and len(server.tokens) == 2)
            started_s = time.monotonic()
        assert time.monotonic() - started_s < notifier.TIMEOUT_S / 4

    play(scenario)
    assert len(disk.load()) == 1


def test_an_unreachable_server_and_a_wrong_certificate_are_trouble(
    settings: Settings,
    server: Any,
    push: Push,
    disk: DiskQueue,
    tokens: Tokens,
    counters: Counters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sent to somebody else, and nothing is lost."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"https://127.0.0.1:{free.getsockname()[1]}/notify"
    for url, trusted in ((closed, True), (push.notifier_url, False)):
        if not trusted:
            monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
        before = counters.value("notifications", result="unreachable")

        async def scenario(url: str = url, before: int = before) -> None:
            there = dataclasses.replace(push, notifier_url=url)
            async with running(there, disk, tokens, counters) as sender:
                sender.notify(ALICE)
                await until(
                    lambda: counters.value("notifications", result="unreachable") >= before + 2
                )

        play(scenario)
    assert server.tokens == []
    assert len(disk.load()) >= 2


def test_one_notification_a_device_however_many_messages(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """A hundred messages at once: one on its way, and one more for those that came meanwhile."""

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            for _ in range(100):
                sender.notify(ALICE)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert 2 <= len(server.tokens) <= 4


def test_a_message_during_an_attempt_is_sent_after_it(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """The phone may have looked before that message was there."""
    tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = ["hang"]

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: len(server.tokens) == 1)
            sender.notify(ALICE)
            server.release.set()
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert server.tokens == ["openpgp:phone"] * 2


def test_a_message_during_a_retry_is_sent_at_once(
    server: Any, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters
) -> None:
    """And the retry does not come on top."""
    tokens.remove(ALICE, "openpgp:tablet", now_s=NOW_S)
    server.script = [500]

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            sender.notify(ALICE)
            await until(lambda: counters.value("notifications", result="500") == 1)
            sender.notify(ALICE)
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert server.tokens == ["openpgp:phone"] * 2


def test_what_a_crash_left_is_sent_at_the_next_start(
    server: Any,
    push: Push,
    disk: DiskQueue,
    tokens: Tokens,
    counters: Counters,
    tmp_path: pathlib.Path,
) -> None:
    """Half-written and unreadable files go away, notifications of yesterday, too."""
    disk.load()
    disk.add(ALICE, "openpgp:phone", now_s=NOW_S)
    disk.add(ALICE, "openpgp:old", now_s=NOW_S - 18001)
    directory = tmp_path / DIRECTORY
    (directory / "half.tmp").write_text("x")
    (directory / "damaged").write_text("one line")
    (directory / "damaged2").write_bytes(b"a\nb\n\xff")

    async def scenario() -> None:
        async with running(push, disk, tokens, counters) as sender:
            await until(lambda: sender.waiting() == 0)

    play(scenario)
    assert server.tokens == ["openpgp:phone"]
    assert list(directory.iterdir()) == []


def test_the_levels_are_those_of_the_protocol() -> None:
    """8, 64, 512 and 4096 seconds within five hours."""
    assert levels(18000) == 5
    assert [retry_delay_s(level) for level in range(1, 5)] == [8, 64, 512, 4096]
    assert not gives_up(0, 18000, 18000)
    assert gives_up(0, 18001, 18000)


def _event(**changes: Any) -> bytes:
    fields = {"user": ALICE, "mail_from": BOB, "rcpt_to": ALICE, "message_size": 2500}
    return json.dumps({"event": "mail_delivery_finished", "fields": fields | changes}).encode()


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (_event(), ALICE),
        (_event(mail_from=""), ALICE),
        (_event(mail_from=None), ALICE),
        (_event(mail_from=f"<{BOB}>"), ALICE),
        (_event(user="Alice1234+tag@chat.example.org"), ALICE),
        (_event(mail_from=ALICE), None),
        (_event(mail_from=ALICE.upper()), None),
        (_event(mail_from=f"<{ALICE}>"), None),
        (_event(error="quota exceeded"), None),
        (_event(user="nonsense"), None),
        (b'{"event": "other", "fields": {}}', None),
        (b'{"event": "mail_delivery_finished"}', None),
        (b'{"event": "mail_delivery_finished", "fields": []}', None),
        (b"[]", None),
        (b"null", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
def test_which_deliveries_wake_somebody(body: bytes, address: str | None) -> None:
    """Copies that people send to themselves do not."""
    assert delivered_to(body) == address


@pytest.fixture
def service_file(
    settings_json: dict[str, Any], server: Any, tokens: Tokens, tmp_path: pathlib.Path
) -> tuple[pathlib.Path, int]:
    """Settings of a whole service that pushes to the test's server; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings_json["ports"]["login"] = port
    settings_json["push"]["notifierUrl"] = server.url
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    return file, port


def _start(file: pathlib.Path, port: int) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(
        [
            *(sys.executable, "-c", "from chatmaild.cli import main; main()"),
            *("--settings", str(file), "accounts"),
        ],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(sender_module.__file__).parents[2])},
    )
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return child
        time.sleep(0.01)
    raise TimeoutError("the service does not start")


def _post(port: int, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as dovecot:
        dovecot.sendall(
            b"POST /event HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert dovecot.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_kill_nine_loses_nothing_and_doubles_at_most_one(
    server: Any, service_file: tuple[pathlib.Path, int], mailboxes: Mailboxes, tokens: Tokens
) -> None:
    """Forty addresses are to be woken; the service is killed in the middle of it."""
    addresses = [f"user{number:05}@chat.example.org" for number in range(40)]
    for address in addresses:
        mailboxes.create(address, "hash", now_s=NOW_S)
        tokens.add(address, f"openpgp:{address}", now_s=NOW_S)
    file, port = service_file
    with _start(file, port) as child:
        for address in addresses:
            _post(port, _event(user=address))
        child.send_signal(signal.SIGKILL)
    with _start(file, port) as child:
        asyncio.run(until(lambda: len(set(server.tokens)) == len(addresses)))
        child.send_signal(signal.SIGTERM)

    assert max(server.tokens.count(token) for token in server.tokens) <= 2
    # what was on its way when it was killed: no more than there are workers
    assert len(server.tokens) - len(set(server.tokens)) <= sender_module.FIRST_TRY_WORKERS
