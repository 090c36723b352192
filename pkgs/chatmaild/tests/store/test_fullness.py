"""The flag of nearly full mailboxes follows Dovecot's quota count."""

import dataclasses

import pytest

from chatmaild.address import parse_address
from chatmaild.settings import Settings
from chatmaild.store.fullness import NEARLY_FULL, QUOTA_FILE, Fullness
from chatmaild.store.mailboxes import Mailboxes

ALICE = parse_address("alice1234@chat.example.org")
LIMIT_BYTES = 75 << 20  # 75 % of 100 MiB


@pytest.fixture
def fullness(settings: Settings, mailboxes: Mailboxes) -> Fullness:
    """Alice exists; the quota is 100 MiB and 1000 messages."""
    mailboxes.create(ALICE, "hash", now_s=0)
    return Fullness(
        mailboxes, dataclasses.replace(settings.retention, quota_megabytes=100, max_messages=1000)
    )


@pytest.mark.parametrize(
    ("counted", "is_nearly_full"),
    [
        (f"104857600S\n{LIMIT_BYTES} 1\n", True),
        (f"104857600S\n{LIMIT_BYTES - 1} 1\n", False),
        (f"104857600S\n{LIMIT_BYTES - 5000} 1\n5000 1\n", True),
        (f"104857600S\n{LIMIT_BYTES} 2\n-5000 -1\n", False),
        ("104857600S\n0 0\n", False),
        ("104857600S,1000C\n5000 749\n", False),
        ("104857600S,1000C\n5000 749\n1 1\n", True),
    ],
)
def test_the_flag_follows_the_count(
    fullness: Fullness, mailboxes: Mailboxes, counted: str, is_nearly_full: bool
) -> None:
    """Whether the flag was set before or not."""
    (mailboxes.path(ALICE) / QUOTA_FILE).write_text(counted)
    for before in (True, False):
        _set_flag(mailboxes, before)
        fullness.note(ALICE)

        assert is_nearly_full is fullness.is_nearly_full(ALICE)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("counted", [None, "104857600S\nnonsense\n"])
def test_without_a_count_the_flag_stays(
    fullness: Fullness, mailboxes: Mailboxes, counted: str | None, before: bool
) -> None:
    """Dovecot counts again at the next delivery."""
    if counted is not None:
        (mailboxes.path(ALICE) / QUOTA_FILE).write_text(counted)
    _set_flag(mailboxes, before)

    fullness.note(ALICE)

    assert before is fullness.is_nearly_full(ALICE)


def test_an_address_that_was_deleted_stays_deleted(
    fullness: Fullness, mailboxes: Mailboxes
) -> None:
    """A delivery may be reported after the deletion."""
    mailboxes.delete(ALICE)

    fullness.note(ALICE)

    assert not mailboxes.path(ALICE).exists()


def _set_flag(mailboxes: Mailboxes, is_set: bool) -> None:
    flag = mailboxes.path(ALICE) / NEARLY_FULL
    if is_set:
        flag.touch()
    else:
        flag.unlink(missing_ok=True)
