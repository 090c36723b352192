"""Copies are made only where mail has room beside them."""

import os
import pathlib
from types import SimpleNamespace

import pytest

from chatmaild.conversion import room
from chatmaild.store.space import FLOOR_INODES, FLOOR_MEGABYTES, MEGABYTE

FLOOR_BLOCKS = FLOOR_MEGABYTES * MEGABYTE // 4096


@pytest.mark.parametrize(
    ("blocks", "files", "inodes", "expected"),
    [
        (FLOOR_BLOCKS + 500, 10**6, 10**6, False),
        (FLOOR_BLOCKS + 10, 10**6, 10**6, True),
        (FLOOR_BLOCKS + 500, 10**6, FLOOR_INODES + 5, True),
        (FLOOR_BLOCKS + 500, 0, 0, False),
    ],
)
def test_mail_needs_room_too(
    monkeypatch: pytest.MonkeyPatch, blocks: int, files: int, inodes: int, expected: bool
) -> None:
    """Bytes and inodes; some file systems have as many inodes as they want."""
    found = SimpleNamespace(f_bavail=blocks, f_frsize=4096, f_files=files, f_favail=inodes)
    monkeypatch.setattr(os, "statvfs", lambda path: found)

    assert (
        room.is_short(pathlib.Path("/"), [room.Size(10, 500_000), room.Size(1, 10_000)]) is expected
    )
