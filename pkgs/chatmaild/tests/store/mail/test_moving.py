"""An account that moves is out of use: by a lock, or until a question has its answer."""

import fcntl
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import MovingError
from chatmaild.settings import Settings
from chatmaild.store.mail.moving import (
    COMMITTING,
    DEPARTED_S,
    MOVING,
    Departed,
    Movement,
    is_out_of_use,
)
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")


def test_an_account_is_in_use_while_it_is_copied(mailboxes: Mailboxes) -> None:
    """And without a move."""
    mailboxes.create(ALICE, "hash", now_s=0)
    home = mailboxes.path(ALICE)

    assert not is_out_of_use(home)
    (home / MOVING).mkdir()
    assert not is_out_of_use(home)


def test_a_lock_ends_with_its_process(mailboxes: Mailboxes) -> None:
    """The account is in use again after a kill."""
    mailboxes.create(ALICE, "hash", now_s=0)
    home = mailboxes.path(ALICE)
    (home / MOVING).mkdir()
    descriptor = os.open(home / MOVING, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    assert is_out_of_use(home)
    os.close(descriptor)
    assert not is_out_of_use(home)


def test_a_question_does_not(mailboxes: Mailboxes, settings: Settings) -> None:
    """The other store may have the account."""
    mailboxes.create(ALICE, "hash", now_s=0)
    home = mailboxes.path(ALICE)
    (home / MOVING).mkdir()
    (home / MOVING / COMMITTING).touch()
    movement = Movement(settings.directories.mail, settings.directories.accounts)

    assert is_out_of_use(home)
    with pytest.raises(MovingError):
        movement.check(ALICE)
    with pytest.raises(MovingError):
        mailboxes.delete(ALICE)
    assert mailboxes.exists(ALICE)


def test_that_an_account_has_left_is_remembered_for_a_minute(settings: Settings) -> None:
    """So long a front may have asked the other store before."""
    accounts = settings.directories.accounts
    departed = Departed(accounts)
    movement = Movement(settings.directories.mail, accounts)
    tagged = parse_address("alice1234+tag@chat.example.org")
    assert not movement.has_just_left(ALICE)

    departed.add(ALICE)
    assert movement.has_just_left(tagged)
    departed.clean()
    assert movement.has_just_left(ALICE)

    old_s = time.time() - DEPARTED_S - 1
    (file,) = pathlib.Path(accounts, "departed").iterdir()
    assert ALICE.local not in file.name
    os.utime(file, (old_s, old_s))
    assert not movement.has_just_left(ALICE)
    departed.clean()
    assert not file.exists()
