"""Every deletion of an account ends its sessions: by owner, operator, expiry, selftest.

The owner's way is in test_sessions_end_with_their_address.py.
"""

import json
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild import cli, expire
from chatmaild.accounts import lifecycle
from chatmaild.address import Address, parse_address
from chatmaild.operator import cli as operator_cli
from chatmaild.operator.selftest.people import two_people
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, Mailboxes

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")


@pytest.fixture
def ended(settings: Settings) -> Iterator[list[str]]:
    """The accounts whose sessions Dovecot was asked to end."""
    requests: list[str] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(settings.sockets.end_sessions)
        listener.listen()
        thread = threading.Thread(target=_listen, args=(listener, requests))
        thread.start()
        yield requests
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _listen(listener: socket.socket, requests: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile() as lines:
            version, noreply, address, end = (next(lines) for _ in range(4))
            assert (version, noreply, end) == ("VERSION\tscript\t4\t0\n", "noreply\n", "\n")
            requests.append(address.strip())


def test_deleting(settings: Settings, mailboxes: Mailboxes, ended: list[str]) -> None:
    """A missing account is no error, and its sessions end, too."""
    mailboxes.create(ALICE, "hash", now_s=0)

    assert lifecycle.delete(
        settings, parse_address("Alice1234+tag@chat.example.org"), keep_name=True
    )
    assert not lifecycle.delete(settings, BOB, keep_name=True)

    assert list(mailboxes.directory.iterdir()) == []
    assert ended == [str(ALICE), str(BOB)]


@pytest.mark.parametrize("is_new_account", [False, True])
def test_what_a_session_wrote_meanwhile(
    is_new_account: bool,
    settings: Settings,
    mailboxes: Mailboxes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is deleted, too; an account that somebody created meanwhile stays."""

    def end_late(_: Settings, address: Address) -> None:
        if is_new_account:
            mailboxes.create(address, "hash", now_s=0)
        (mailboxes.path(address) / "cur").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(lifecycle, "end_sessions", end_late)
    mailboxes.create(ALICE, "hash", now_s=0)

    assert lifecycle.delete(settings, ALICE, keep_name=False)

    names = [path.name for path in mailboxes.directory.iterdir()]
    assert names == ([str(ALICE)] if is_new_account else [])


def test_a_failed_deletion_leaves_the_sessions(
    settings: Settings,
    mailboxes: Mailboxes,
    ended: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The account is still there."""
    mailboxes.create(ALICE, "hash", now_s=0)
    monkeypatch.setattr(pathlib.Path, "rename", _fail)

    with pytest.raises(PermissionError):
        lifecycle.delete(settings, ALICE, keep_name=True)

    assert mailboxes.exists(ALICE)
    assert ended == []


def test_the_operator(
    settings_json: dict[str, Any],
    mailboxes: Mailboxes,
    ended: list[str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`chatmail address delete`."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("chatmaild.operator.addresses.audit", lambda *_: None)
    mailboxes.create(ALICE, "hash", now_s=0)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    arguments = ["--settings", str(file), "address", "delete", "--yes", "alice1234"]

    assert cli.exit_code(lambda: operator_cli.group(arguments, standalone_mode=False)) == 0

    assert not mailboxes.exists(ALICE)
    assert ended == [str(ALICE)]


def test_the_expiry(settings: Settings, mailboxes: Mailboxes, ended: list[str]) -> None:
    """Only of accounts that it deletes, and of none in a dry run."""
    mailboxes.create(ALICE, "hash", now_s=time.time() - 100 * DAY_S)
    mailboxes.create(BOB, "hash", now_s=time.time())

    expire.run(settings, dry_run=True, verbose=False)
    assert ended == []
    expire.run(settings, dry_run=False, verbose=False)

    assert list(mailboxes.addresses()) == [BOB]
    assert ended == [str(ALICE)]


def test_the_selftest(
    settings: Settings,
    mailboxes: Mailboxes,
    ended: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both of its accounts, also when the first cannot be deleted."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with two_people(settings) as people:
        assert sorted(mailboxes.addresses()) == sorted(person.address for person in people)
    assert sorted(ended) == sorted(str(person.address) for person in people)
    assert list(mailboxes.addresses()) == []

    real = Mailboxes.delete
    failing: list[Address] = []

    def delete(self: Mailboxes, address: Address) -> bool:
        if not failing:
            failing.append(address)
            _fail()
        return real(self, address)

    monkeypatch.setattr(Mailboxes, "delete", delete)
    with pytest.raises(PermissionError), two_people(settings):
        pass

    assert list(mailboxes.addresses()) == failing


def _fail(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")
