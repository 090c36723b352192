"""The file of deliveries: each line is handled once, whoever is killed or stopped meanwhile."""

import asyncio
import logging
import os
import pathlib
from collections.abc import Awaitable, Callable

import pytest

from chatmaild.accounts.push import deliveries as module
from chatmaild.accounts.push.deliveries import MAX_FAILED, READ_BYTES, Deliveries

Scenario = Callable[[], Awaitable[None]]


class File:
    """The file, as Dovecot and the service see it."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.handled: list[bytes] = []
        # how often each of these fails
        self.faults: dict[bytes, int] = {}

    def handle(self, line: bytes) -> None:
        """Remember the line, or fail."""
        if self.faults.get(line, 0) > 0:
            self.faults[line] -= 1
            raise OSError("disk full")
        self.handled.append(line)

    def appends(self, data: bytes) -> None:
        """Write as Dovecot does."""
        with self.path.open("ab", buffering=0) as file:
            file.write(data)

    def runs(self, *steps: Scenario) -> None:
        """Run a service, with these steps meanwhile."""

        async def service() -> None:
            deliveries = Deliveries(self.path, self.handle)
            deliveries.start()
            try:
                for step in steps:
                    await step()
            finally:
                deliveries.stop()

        asyncio.run(service())

    def until(self, count: int) -> Scenario:
        """A step that waits until so many lines were handled."""

        async def step() -> None:
            async with asyncio.timeout(10):
                while len(self.handled) < count:
                    await asyncio.sleep(0.002)

        return step

    def then(self, data: bytes) -> Scenario:
        """A step that writes."""

        async def step() -> None:
            self.appends(data)

        return step

    def is_empty(self) -> bool:
        """Whether no byte of any line is left."""
        return not self.path.read_bytes().strip(b"\0")


@pytest.fixture
def file(tmp_path: pathlib.Path) -> File:
    """A file that does not exist yet."""
    return File(tmp_path / "deliveries.json")


def numbered(count: int, first: int = 0) -> list[bytes]:
    """Lines that differ."""
    return [b'{"event":"%d"}\n' % number for number in range(first, first + count)]


def test_lines_are_handled_when_they_are_written(file: File) -> None:
    """One, and then more than a turn takes; nothing of them is left."""
    lines = numbered(2000)

    file.runs(
        file.then(lines[0]), file.until(1), file.then(b"".join(lines[1:])), file.until(len(lines))
    )

    assert file.handled == lines
    assert file.is_empty()


def test_what_was_written_meanwhile_is_handled_at_the_start(file: File) -> None:
    """By the next process, which does not repeat what the one before did."""
    first, second = numbered(300), numbered(300, first=300)
    file.runs(file.then(b"".join(first)), file.until(len(first)))
    file.appends(b"".join(second))
    file.runs(file.until(600))

    assert file.handled == first + second
    assert file.is_empty()
    # whole pages are given back
    assert file.path.stat().st_blocks * 512 <= 2 * os.sysconf("SC_PAGE_SIZE")


def test_a_stop_handles_what_is_there(file: File) -> None:
    """Without waiting for the next turn."""
    lines = numbered(1000)

    file.runs(file.then(b"".join(lines)))

    assert file.handled == lines


def test_a_line_in_pieces_and_a_long_one(file: File) -> None:
    """A line is handled when its end is there."""
    long = b'{"event":"%s"}\n' % (b"x" * 3 * READ_BYTES)

    async def nothing_yet() -> None:
        await asyncio.sleep(2 * module.PAUSE_S)

        assert file.handled == []

    file.runs(file.then(long[:-9]), nothing_yet, file.then(long[-9:]), file.until(1))

    assert file.handled == [long]


def test_a_line_that_fails_is_repeated(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others do not wait for it, and are not repeated."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    lines = numbered(9)
    file.faults = {lines[0]: 3, lines[4]: 1}

    file.runs(file.then(b"".join(lines)), file.until(9))

    assert sorted(file.handled) == lines
    assert file.handled[-1] == lines[0]
    assert file.is_empty()


def test_a_line_that_failed_is_left_to_the_next_process(file: File) -> None:
    """Where thousands of lines after it are done."""
    lines = numbered(3000)
    file.faults = {lines[1]: 1000}
    file.runs(file.then(b"".join(lines)), file.until(2999))
    file.faults.clear()
    file.appends(b"last\n")
    file.runs(file.until(3001))

    assert file.handled[-2:] == [lines[1], b"last\n"]
    assert sorted(file.handled[:-1]) == sorted(lines)


def test_many_that_fail_hold_back_the_others(
    file: File, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk: nothing is dropped, and the log has no address."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    lines = numbered(3 * MAX_FAILED)
    file.faults = dict.fromkeys(lines, 2)

    file.runs(file.then(b"".join(lines)), file.until(len(lines)))

    assert sorted(file.handled) == sorted(lines)
    assert "event" not in caplog.text


def test_after_an_hour_a_line_is_given_up(
    file: File, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With an error in the log; it is gone then."""
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    monkeypatch.setattr(module, "GIVE_UP_S", 0.02)
    line, other = numbered(2)
    file.faults = {line: 1000}

    async def given_up() -> None:
        async with asyncio.timeout(10):
            while "given up" not in caplog.text:
                await asyncio.sleep(0.002)

    file.runs(file.then(line), given_up, file.then(other), file.until(1))

    assert file.handled == [other]
    assert file.is_empty()


def test_without_an_inotify_instance_it_looks_now_and_then(
    file: File, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The user's sessions may have taken all instances."""

    def refused(_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module, "_watch", refused)
    monkeypatch.setattr(module, "POLL_S", 0.01)
    lines = numbered(2)
    with caplog.at_level(logging.WARNING):
        file.runs(file.then(lines[0]), file.until(1), file.then(lines[1]), file.until(2))

    assert file.handled == lines
    assert "looks for deliveries" in caplog.text


def test_dovecots_user_may_write(file: File) -> None:
    """By its group; others may not even read."""
    file.runs()

    assert file.path.stat().st_mode & 0o7777 == 0o660
