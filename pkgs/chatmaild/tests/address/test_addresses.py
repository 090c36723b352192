"""What is an address and what is none; property tests, because strangers choose the text."""

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.address import limit_problem, parse_address
from chatmaild.errors import AddressError
from chatmaild.settings import Accounts
from chatmaild.store.mailboxes import Mailboxes

LIMITS = Accounts(
    user_name_min_length=6,
    user_name_max_length=9,
    user_name_characters="abcdefghijklmnopqrstuvwxyz0123456789._-",
    password_min_length=9,
)


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("alice@a.test", "alice@a.test"),
        ("ALICE@A.Test", "alice@a.test"),
        ("alice+news@a.test", "alice@a.test"),
        ("alice+a+b@a.test", "alice@a.test"),
        ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
    ],
)
def test_an_address_names_its_mailbox(text: str, mailbox: str) -> None:
    """Lower case, without the tag."""
    assert parse_address(text).mailbox == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "alice", "alice@", "@a.test", "a@b@c", "+tag@a.test", "a/b@a.test", "../x@a.test",
        "alice@a/b", "al ice@a.test", "alice\n@a.test", "alice@a.test\0", "ålice@a.test",
        "\x7f@a.test", "a" * 250 + "@a.test",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Slashes, control characters and wrong counts of @ are errors."""
    with pytest.raises(AddressError, match=r"^an address has "):
        parse_address(text)


@given(st.text(max_size=300))
def test_any_text_is_an_address_in_its_own_directory_or_an_error(text: str) -> None:
    """No text leads out of the mailboxes' directory."""
    root = pathlib.Path("/mail")
    try:
        path = Mailboxes(root).path(text)
    except AddressError:
        return

    assert path.parent == root
    assert path.name not in (".", "..")
    assert "@" in path.name
    assert len(path.name) <= 255


@pytest.mark.parametrize(
    ("local", "password", "problem"),
    [
        ("abcdef", "123456789", None),
        ("a.b_c-9", "123456789", None),
        ("abcde", "123456789", "name-length"),
        ("abcdefghij", "123456789", "name-length"),
        ("abcdef+", "123456789", "name-characters"),
        ("abcdef]", "123456789", "name-characters"),
        ("abcdef", "12345678", "password-length"),
        ("abcdef", "äöüäöüäöü", None),
    ],
)
def test_limits_of_a_new_address(local: str, password: str, problem: str | None) -> None:
    """The length of a password counts characters."""
    assert limit_problem(local, password, LIMITS) == problem
