"""A mailbox for the expire tests."""

import pathlib

import pytest

from chatmaild.store.mailboxes import Mailboxes

from .tree import ALICE, NOW_S


@pytest.fixture
def alice(mailboxes: Mailboxes) -> pathlib.Path:
    """The mailbox of Alice, who logged in today."""
    mailboxes.create(ALICE, "hash", now_s=NOW_S)
    return mailboxes.path(ALICE)
