"""Copies of accounts that come, and the one moment from which each is an account."""

import os
import pathlib
import secrets
import time

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.errors import RebalanceError
from chatmaild.rebalance import tree
from chatmaild.rebalance.arriving import staging as module
from chatmaild.rebalance.arriving.staging import PREFIX, Staging
from chatmaild.rebalance.records import Record
from chatmaild.settings import Settings
from chatmaild.store.mail.moving import Departed
from chatmaild.store.mailboxes import DAY_S, Mailboxes

ALICE: Address = parse_address("alice1234@chat.example.org")
NUMBER = "0123456789abcdef" * 2
PASSWORD = Record(path="password", kind="file", mode=0o600, size=4, mtime_ns=10**18, data=b"hash")


@pytest.fixture
def staging(settings: Settings, mailboxes: Mailboxes) -> Staging:
    """The copies of a store."""
    return Staging(mailboxes, settings.directories.accounts)


def begun(staging: Staging, number: str = NUMBER) -> str:
    """A copy with a password."""
    staging.begin(number, ALICE, size_bytes=10, files=1)
    staging.write(number, [PASSWORD], flushes=False)
    return number


def digest(mailboxes: Mailboxes, number: str = NUMBER) -> str:
    """What the other store says of its account."""
    return tree.digest(tree.read(mailboxes.directory / f"{PREFIX}{number}"))


def test_a_copy_is_no_account(staging: Staging, mailboxes: Mailboxes) -> None:
    """Until it is complete and the other store says so."""
    begun(staging)

    assert not mailboxes.exists(ALICE)
    assert list(mailboxes.addresses()) == []
    staging.commit(NUMBER, ALICE, digest(mailboxes))
    assert mailboxes.password_hash(ALICE) == "hash"
    assert mailboxes.last_login_s(ALICE) == 10**9


def test_it_is_known_that_a_copy_has_become_an_account(
    staging: Staging, mailboxes: Mailboxes
) -> None:
    """Also after the account was deleted; until the other store need not know."""
    begun(staging)
    staging.commit(NUMBER, ALICE, digest(mailboxes))

    assert staging.settle(NUMBER)
    mailboxes.delete(ALICE)
    assert staging.settle(NUMBER)
    staging.done(NUMBER)
    assert not staging.settle(NUMBER)


def test_a_copy_that_was_given_up_never_becomes_one(staging: Staging, mailboxes: Mailboxes) -> None:
    """Whoever comes second finds none."""
    begun(staging)
    same = digest(mailboxes)

    assert not staging.settle(NUMBER)
    with pytest.raises(FileNotFoundError):
        staging.commit(NUMBER, ALICE, same)
    assert not mailboxes.exists(ALICE)
    assert not staging.settle(NUMBER)


def test_a_copy_that_is_not_the_same_is_refused(staging: Staging, mailboxes: Mailboxes) -> None:
    """A file is missing, or has another time."""
    begun(staging)
    same = digest(mailboxes)
    staging.write(NUMBER, [Record(path="DISABLED", kind="file", mode=0o600)], flushes=True)

    with pytest.raises(RebalanceError, match="another copy"):
        staging.commit(NUMBER, ALICE, same)
    staging.write(NUMBER, [Record(path="DISABLED", kind="gone")], flushes=True)
    staging.commit(NUMBER, ALICE, same)


def test_an_account_is_never_replaced(staging: Staging, mailboxes: Mailboxes) -> None:
    """Neither at the beginning nor at the end; the copy stays until it is given up."""
    begun(staging)
    same = digest(mailboxes)
    mailboxes.create(ALICE, "other", now_s=time.time())

    with pytest.raises(RebalanceError, match="has the address already"):
        staging.commit(NUMBER, ALICE, same)
    with pytest.raises(RebalanceError, match="has the address already"):
        staging.begin(NUMBER, ALICE, size_bytes=1, files=1)
    assert mailboxes.password_hash(ALICE) == "other"
    assert not staging.settle(NUMBER)


def test_a_full_disk_is_told_before_the_copy(staging: Staging, mailboxes: Mailboxes) -> None:
    """The account stays where it is."""
    with pytest.raises(RebalanceError, match="no room"):
        staging.begin(NUMBER, ALICE, size_bytes=1 << 60, files=1)
    assert list(mailboxes.directory.iterdir()) == []


@pytest.mark.parametrize("number", ["", "..", "../x", "A" * 32, "0" * 31, f"{NUMBER}/x"])
def test_other_names_of_moves_are_refused(staging: Staging, number: str) -> None:
    """They could lead out of the mail directory."""
    with pytest.raises(RebalanceError):
        staging.begin(number, ALICE, size_bytes=1, files=1)
    with pytest.raises(RebalanceError):
        staging.done(number)


def test_a_link_is_not_written_through(
    staging: Staging, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """Nobody makes one; if there is one, nothing is written elsewhere."""
    begun(staging)
    target = tmp_path / "elsewhere"
    target.write_text("same")
    (mailboxes.directory / f"{PREFIX}{NUMBER}" / "link").symlink_to(target)

    record = Record(path="link", kind="file", mode=0o600, size=1, data=b"x")
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP
        staging.write(NUMBER, [record], flushes=False)
    assert target.read_text() == "same"


def test_an_account_that_comes_back_has_not_left(
    staging: Staging, mailboxes: Mailboxes, settings: Settings
) -> None:
    """The fronts ask here again."""
    departed = Departed(settings.directories.accounts)
    departed.add(ALICE)
    begun(staging)
    staging.commit(NUMBER, ALICE, digest(mailboxes))

    assert not departed.has(ALICE)


def test_dead_copies_are_deleted_after_a_day(
    staging: Staging, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those in which files still arrive."""
    begun(staging)
    young = begun(staging, secrets.token_hex(16))
    old_s = time.time() - DAY_S - 1
    os.utime(mailboxes.directory / f"{PREFIX}{NUMBER}", (old_s, old_s))

    staging.sweep()

    assert [path.name for path in mailboxes.directory.iterdir()] == [f"{PREFIX}{young}"]
    monkeypatch.setattr(module, "_DEAD_S", -1)
    staging.sweep()
    assert list(mailboxes.directory.iterdir()) == []


def test_a_commit_that_comes_after_the_answer_is_too_late(
    staging: Staging, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk was slow: the other store has asked meanwhile, and keeps the account."""
    begun(staging)
    same = digest(mailboxes)
    flushed: list[str] = []

    def slow(directory: object) -> None:
        if not flushed:
            flushed.append(str(directory))
            assert not staging.settle(NUMBER)

    monkeypatch.setattr(module, "fsync_directory", slow)
    with pytest.raises(FileNotFoundError):
        staging.commit(NUMBER, ALICE, same)

    assert flushed
    assert not staging.settle(NUMBER)
    assert not mailboxes.exists(ALICE)
