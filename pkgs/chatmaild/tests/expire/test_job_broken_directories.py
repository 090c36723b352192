"""A directory that cannot be read or deleted is reported and does not stop the pass."""

import os
import pathlib

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.expire.job import Report, expire_mailboxes
from chatmaild.store.mailboxes import DAY_S, Mailboxes

from .tree import GONE, NOW_S, RETENTION, FakeDovecot, put, run


@pytest.fixture
def old_messages(mailboxes: Mailboxes) -> list[pathlib.Path]:
    """One message in each of 20 mailboxes, so that some are listed after any other directory."""
    files = []
    for number in range(20):
        address = parse_address(f"user{number:05}@chat.example.org")
        mailboxes.create(address, "hash", now_s=NOW_S)
        files.append(put(mailboxes.path(address), "cur", 21 * DAY_S))
    return files


@pytest.mark.parametrize("login_days_ago", [0, 100])
@pytest.mark.parametrize(
    "name", ["a b@chat.example.org", "Bob12345@chat.example.org", "x+y@z", "@"]
)
def test_a_directory_of_no_account_needs_care(
    mailboxes: Mailboxes, old_messages: list[pathlib.Path], name: str, login_days_ago: int
) -> None:
    """It stays and does not stop the pass; its messages expire as all others."""
    other = mailboxes.directory / name
    old_messages.append(put(other, "cur", 21 * DAY_S))
    young = put(other, "cur", DAY_S)
    (other / "password").touch()
    os.utime(other / "password", (NOW_S - login_days_ago * DAY_S,) * 2)

    report = run(mailboxes)

    assert [file for file in old_messages if file.exists()] == []
    assert young.exists()
    assert report.needs_care == {str(other)}
    assert (report.addresses, report.deleted_addresses) == (20, 0)


@pytest.mark.parametrize("broken", ["password", "cur"])
def test_a_directory_that_cannot_be_read_needs_care(
    mailboxes: Mailboxes, alice: pathlib.Path, old_messages: list[pathlib.Path], broken: str
) -> None:
    """A damaged disk, or another owner: the pass continues."""
    if (alice / broken).is_dir():
        (alice / broken).rmdir()
    (alice / broken).unlink(missing_ok=True)
    (alice / broken).symlink_to(broken)

    report = run(mailboxes)

    assert [file for file in old_messages if file.exists()] == []
    assert report.needs_care == {str(alice)}
    assert report.deleted_messages == 20


def test_an_account_that_cannot_be_deleted_needs_care(
    mailboxes: Mailboxes, old_messages: list[pathlib.Path]
) -> None:
    """It is not counted as deleted, and neither is an account that was deleted before."""
    mailboxes.create(GONE, "hash", now_s=NOW_S - 100 * DAY_S)
    report = Report()

    def fail(_: Address) -> bool:
        raise PermissionError(1, "Operation not permitted")

    dovecot = FakeDovecot(mailboxes.directory)
    arguments = (mailboxes, RETENTION, NOW_S)
    expire_mailboxes(*arguments, report, delete=fail, dry_run=False, dovecot=dovecot)
    assert (report.deleted_addresses, report.deleted_messages) == (0, 20)
    assert report.needs_care == {str(mailboxes.path(GONE))}
    assert [file for file in old_messages if file.exists()] == []

    report = Report()
    expire_mailboxes(*arguments, report, delete=lambda _: False, dry_run=False, dovecot=dovecot)
    assert (report.deleted_addresses, report.needs_care) == (0, set())


def test_only_deleted_messages_are_counted(
    mailboxes: Mailboxes, alice: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message does not exist any more, one cannot be deleted, one is deleted."""
    gone, stuck, deleted = (put(alice, "cur", (21 + n) * DAY_S, size=1000 + n) for n in range(3))
    unlink = os.unlink

    def unlink_some(path: str) -> None:
        if path == str(stuck):
            raise PermissionError(1, "Operation not permitted")
        unlink(path)
        if path == str(gone):
            raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("os.unlink", unlink_some)
    report = run(mailboxes)

    assert not deleted.exists()
    assert (report.messages, report.deleted_messages, report.deleted_bytes) == (3, 1, 1002)
    assert report.needs_care == {str(alice)}


def test_a_leftover_that_cannot_be_deleted_is_not_counted(
    mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported."""
    trash = mailboxes.directory / ".deleted-0"
    trash.mkdir()
    os.utime(trash, (0, 0))
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)

    report = run(mailboxes)

    assert (report.deleted_directories, report.needs_care) == (0, {str(trash)})


def test_an_account_that_looks_like_a_leftover_is_reported(mailboxes: Mailboxes) -> None:
    """A local part may begin with `.deleted-`; without a password file the operator decides."""
    box = mailboxes.directory / ".deleted-@chat.example.org"
    put(box, "cur", DAY_S)
    os.utime(box, (0, 0))

    report = run(mailboxes)

    assert report.needs_care == {str(box)}
    assert box.exists()
