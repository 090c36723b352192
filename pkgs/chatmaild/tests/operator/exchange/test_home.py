"""The files of a mailbox here."""

import os
import pathlib
import socket
import subprocess
import time

import pytest

from chatmaild.errors import BusyError
from chatmaild.operator.exchange import home
from chatmaild.store import files


def test_dovecots_lock_is_respected(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a process that lives is waited for; one of a process that died is broken."""
    lock = tmp_path / "dovecot-uidlist.lock"
    with home.locked(tmp_path):
        assert lock.read_text() == f"{os.getpid()}:{socket.gethostname()}"
        monkeypatch.setattr(home, "_LOCK_TIMEOUT_S", 0.1)
        with pytest.raises(BusyError), home.locked(tmp_path):
            pass
    assert not lock.exists()
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock.write_text(f"{dead.pid}:{socket.gethostname()}")

    with home.locked(tmp_path):
        assert lock.exists()


def test_names_of_deleted_messages_are_forgotten(tmp_path: pathlib.Path) -> None:
    """A name is kept until retention has deleted its message; one without a time is always kept."""
    now_s = time.time()
    names = {f"{int(now_s)}.young", f"{int(now_s) - 100}.old", "odd"}

    home.note_imported(tmp_path, names, now_s - 50, None, durable=True)

    assert home.read_imported(tmp_path) == {f"{int(now_s)}.young", "odd"}
    assert home.read_state(tmp_path) is None


def test_the_state_is_noted_beside_the_names(tmp_path: pathlib.Path) -> None:
    """Until something is left at the other relay again."""
    for came, state in (({"1.a"}, "digest"), (set[str](), "digest"), ({"1.b"}, None)):
        home.note_imported(tmp_path, came, 0, state, durable=False)
        assert home.read_state(tmp_path) == state

    assert home.read_imported(tmp_path) == {"1.a", "1.b"}


def test_a_file_system_is_synced(tmp_path: pathlib.Path) -> None:
    """A directory that is none is an error."""
    files.sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.sync_file_system(tmp_path / "none")
