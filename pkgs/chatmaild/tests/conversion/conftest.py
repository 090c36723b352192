"""Two accounts of an older version."""

import pathlib

import pytest

from chatmaild.store.mail.formats import Choice
from chatmaild.store.mailboxes import Mailboxes

from .standins import ALICE, BOB, put


@pytest.fixture
def boxes(tmp_path: pathlib.Path) -> Mailboxes:
    """Two accounts of an older version, each with two messages."""
    found = Mailboxes(tmp_path / "mail", Choice(tmp_path / "choice"))
    found.directory.mkdir()
    for address in (ALICE, BOB):
        found.create(address, "hash", now_s=1.7e9)
        for uid in (1, 2):
            put(found.path(address), uid, flags="S")
    return found
