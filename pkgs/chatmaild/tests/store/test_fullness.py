"""The flag of nearly full mailboxes."""

import pytest

from chatmaild.address import parse_address
from chatmaild.store.fullness import Fullness, set_nearly_full
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")


@pytest.fixture
def fullness(mailboxes: Mailboxes) -> Fullness:
    """Alice exists."""
    mailboxes.create(ALICE, "hash", now_s=0)
    return Fullness(mailboxes)


def test_a_failed_delivery_sets_the_flag(fullness: Fullness, mailboxes: Mailboxes) -> None:
    """The next clean-up removes it if there is room."""
    assert fullness.exists(ALICE)
    assert not fullness.is_nearly_full(ALICE)

    fullness.suspect(ALICE)
    assert fullness.is_nearly_full(ALICE)

    for _ in range(2):
        set_nearly_full(str(mailboxes.path(ALICE)), False)
        assert not fullness.is_nearly_full(ALICE)


def test_an_address_that_was_deleted_stays_deleted(
    fullness: Fullness, mailboxes: Mailboxes
) -> None:
    """A delivery may be reported after the deletion."""
    mailboxes.delete(ALICE)

    fullness.suspect(ALICE)

    assert not mailboxes.path(ALICE).exists()
