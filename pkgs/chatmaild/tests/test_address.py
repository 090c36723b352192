"""What is an address and what is none; property tests, because strangers choose the text."""

import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.address import address_or_none, limit_problem, parse_address
from chatmaild.errors import AddressError
from chatmaild.settings import Accounts
from chatmaild.store.mailboxes import Mailboxes

LIMITS = Accounts(
    user_name_min_length=6,
    user_name_max_length=9,
    user_name_characters="abcdefghijklmnopqrstuvwxyz0123456789._-",
    password_min_length=9,
    nobody="vrfy~",
)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("alice@a.test", "alice@a.test"),
        ("ALICE@A.Test", "alice@a.test"),
        ("alice+news@a.test", "alice@a.test"),
        ("alice+a+b@a.test", "alice@a.test"),
        ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
    ],
)
def test_an_address_names_its_account(text: str, account: str) -> None:
    """Lower case, without the tag."""
    assert str(parse_address(text).account) == account


def test_an_account_is_its_own() -> None:
    """The same object: nothing is made at every look at the disk."""
    alice = parse_address("alice@a.test")

    assert alice.account is alice
    assert parse_address("alice+x@a.test").account == alice


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "alice", "alice@", "@a.test", "a@b@c", "+tag@a.test", "a/b@a.test", "../x@a.test",
        "alice@a/b", "al ice@a.test", "alice\n@a.test", "alice@a.test\0", "ålice@a.test",
        "\x7f@a.test", "a" * 250 + "@a.test", ".@a.test", "..@a.test", "....+x@a.test",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Slashes, control characters and wrong counts of @ are errors."""
    with pytest.raises(AddressError, match=r"^an address has "):
        parse_address(text)


@given(st.text(max_size=300))
def test_any_text_is_an_address_in_its_own_directory_or_an_error(text: str) -> None:
    """No text leads out of the mailboxes' directory."""
    _stays_inside(text)


# what a person who wants to leave the directory writes, more often than chance does
_TRICKS = st.text(
    st.sampled_from([".", "/", "@", "+", "a", "\\", "\0", "~", "%", "-", '"', "\u2215", "\uff0f"]),
    min_size=1,
    max_size=12,
)


@given(_TRICKS, _TRICKS)
def test_no_trick_leads_out(local: str, domain: str) -> None:
    """Dots, slashes of any alphabet, tags, quotes, escapes."""
    _stays_inside(f"{local}@{domain}")


def _stays_inside(text: str) -> None:
    root = pathlib.Path("/mail")
    try:
        address = parse_address(text)
    except AddressError:
        assert address_or_none(text) is None
        return
    path = Mailboxes(root).path(address)

    assert pathlib.Path(os.path.normpath(path)) == path
    assert path.parent == root
    assert path.name == str(address.account)
    assert len(os.fsencode(path.name)) <= 255


@given(st.from_regex(r"[!-.0-?A-~]{1,60}@[!-.0-?A-~]{1,60}", fullmatch=True))
def test_the_text_of_an_address_is_the_same_address(text: str) -> None:
    """So files and other programs may have the text; the account, too, is an address."""
    address = address_or_none(text)
    if address is None:
        return

    assert parse_address(str(address)) == address
    assert str(address) == text.lower()
    assert parse_address(str(address.account)) == address.account == address.account.account


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
