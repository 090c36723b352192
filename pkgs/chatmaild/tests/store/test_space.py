"""A disk without bytes or inodes is told once, and its recovery, too."""

import asyncio
import logging

import pytest

from chatmaild.operator.selftest.machine import space as check
from chatmaild.operator.selftest.report import Verdict
from chatmaild.settings import Settings
from chatmaild.store import space
from chatmaild.store.space import FLOOR_INODES, FLOOR_MEGABYTES, Space, shortage


def disk(megabytes: float = 5000, inodes: int | None = 100_000) -> Space:
    """A file system with that much space."""
    return Space(directory="/mail", free_megabytes=megabytes, free_inodes=inodes)


@pytest.mark.parametrize(
    ("found", "is_short"),
    [
        (disk(), False),
        (disk(inodes=None), False),
        (disk(megabytes=FLOOR_MEGABYTES - 1), True),
        (disk(inodes=FLOOR_INODES - 1), True),
        (disk(inodes=0), True),
    ],
)
def test_bytes_and_inodes_count(found: Space, *, is_short: bool) -> None:
    """Either of them is enough to fail the selftest."""
    outcome = check.judge([disk(), found]).verdict

    assert (outcome is Verdict.FAILED) == is_short


def test_the_sentence_has_the_numbers() -> None:
    """Of the file system that is short, and no other."""
    said = shortage([disk(), disk(megabytes=3.2, inodes=17)])

    assert said == (
        "nearly full: 3 MiB and 17 inodes free in /mail;"
        " mail waits in the queues until there is space"
    )


def test_the_repair_looks_at_the_file_system_that_is_short() -> None:
    """At its bytes or at its inodes, where it is mounted."""
    small = Space(directory="/m/x", free_megabytes=3, free_inodes=17, mount="/m")
    few = Space(directory="/m/x", free_megabytes=3000, free_inodes=17, mount="/m")

    assert space.repair([disk(), small]).startswith("du -xah --max-depth=3 /m | sort -h | tail;")
    assert space.repair([disk(), few]).startswith(
        "du -x --inodes --max-depth=3 /m | sort -n | tail;"
    )


def test_directories_that_are_not_there(settings: Settings) -> None:
    """They are left out; a real one has a number."""
    assert all(found.free_megabytes > 0 for found in space.spaces(settings))


def test_one_line_each(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins and when it ends."""
    seen = iter([disk(), disk(inodes=0), disk(inodes=0), disk(), disk()])

    def measured(_: Settings) -> list[Space]:
        return [next(seen)]

    monkeypatch.setattr(space, "spaces", measured)
    monkeypatch.setattr(space, "LOOK_EVERY_S", 0)
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError):  # the end of `seen`
        asyncio.run(space.watch(settings))

    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "disk nearly full",
        "disk has space again, waiting mail is delivered by itself",
    ]
