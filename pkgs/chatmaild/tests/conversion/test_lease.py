"""Locks of Dovecot's processes keep a mailbox from being taken, and a kill frees it at once."""

import contextlib
import fcntl
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest

from chatmaild.conversion import lease
from chatmaild.conversion.places import CONVERTING
from chatmaild.errors import BusyError
from chatmaild.store.mail.formats import Format


@pytest.fixture
def home(tmp_path: pathlib.Path) -> pathlib.Path:
    """A maildir with a copy."""
    for name in ("cur", CONVERTING):
        (tmp_path / name).mkdir()
    return tmp_path


@contextlib.contextmanager
def shared(path: pathlib.Path) -> Iterator[int]:
    """What the plugin takes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(path: pathlib.Path) -> bool:
    try:
        with shared(path):
            return True
    except BlockingIOError:
        return False


def test_new_processes_wait_while_sessions_end(home: pathlib.Path) -> None:
    """Sessions that are there have the mailbox until they have ended; then nobody has it."""
    seen = []
    with contextlib.ExitStack() as session:
        session.enter_context(shared(home / "cur"))

        def end() -> None:
            seen.append((_is_free(home / CONVERTING), _is_free(home / "cur")))
            session.close()

        with lease.taken(home, Format.MAILDIR, end) as held:
            assert 0 < held.left_s <= lease.LONGEST_S
            assert not _is_free(home / "cur")

    assert seen == [(False, True)]
    assert _is_free(home / CONVERTING)
    assert _is_free(home / "cur")


def test_a_mailbox_that_stays_open_is_not_taken(
    home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in use again at once."""
    monkeypatch.setattr(lease, "_LOCK_S", 0.05)
    with (
        shared(home / "cur"),
        pytest.raises(BusyError),
        lease.taken(home, Format.MAILDIR, lambda: None),
    ):
        raise AssertionError

    assert _is_free(home / CONVERTING)


def test_no_time_is_left_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the copy would take too long."""
    monkeypatch.setattr(time, "monotonic", lambda: 10.0)

    with pytest.raises(BusyError):
        print(lease.Lease(9.0).left_s)


def test_a_killed_process_gives_it_back(home: pathlib.Path) -> None:
    """The kernel does it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with lease.taken(home, Format.MAILDIR, lambda: None):
            os.write(write, b"x")
            signal.pause()
    os.read(read, 1)
    was_free = _is_free(home / "cur")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)

    assert not was_free
    assert _is_free(home / "cur")
