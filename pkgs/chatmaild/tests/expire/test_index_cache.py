"""Caches with headers of deleted messages are removed, others stay."""

import struct
from pathlib import Path

import pytest

from chatmaild.expire.index_cache import NAME, remove_caches


def cache(folder: Path, *, deleted: int) -> Path:
    """A cache file of Dovecot 2.4 that counts deleted records."""
    folder.mkdir(exist_ok=True)
    path = folder / NAME
    path.write_bytes(struct.pack("=BBBBIIIIII", 1, 8, 2, 0, 1, 1, 10, 2372, deleted, 32) + b"x")
    return path


def test_only_those_with_deleted_records_go(tmp_path: Path) -> None:
    """In the inbox and in folders."""
    kept = [cache(tmp_path, deleted=0), cache(tmp_path / ".Kept", deleted=0)]
    gone = cache(tmp_path / ".Sent", deleted=1)
    remove_caches(tmp_path, all_of_them=False)

    assert [path.exists() for path in kept] == [True, True]
    assert not gone.exists()


def test_all_go_after_an_expiry(tmp_path: Path) -> None:
    """Dovecot has not counted what was deleted behind its back."""
    paths = [cache(tmp_path, deleted=0), cache(tmp_path / ".Sent", deleted=0)]
    remove_caches(tmp_path, all_of_them=True)

    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_broken_file_goes(tmp_path: Path, content: bytes) -> None:
    """Dovecot makes a new one."""
    (tmp_path / NAME).write_bytes(content)
    remove_caches(tmp_path, all_of_them=False)

    assert not (tmp_path / NAME).exists()
