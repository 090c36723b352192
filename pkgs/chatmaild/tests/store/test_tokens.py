"""Device tokens of an address."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.address import parse_address
from chatmaild.store.mailboxes import DAY_S, Mailboxes
from chatmaild.store.tokens import MAX_TOKENS, Tokens, is_token

ALICE = parse_address("alice1234@chat.example.org")
NOW_S = 20000 * DAY_S + 1234.0


@pytest.fixture
def tokens(mailboxes: Mailboxes) -> Tokens:
    """The tokens of a relay with the one address alice1234."""
    mailboxes.create(ALICE, "hash", now_s=NOW_S)
    return Tokens(mailboxes, 90)


def test_tokens_end_after_ninety_days(tokens: Tokens) -> None:
    """A token that is set again lives on; one of the future is not valid."""
    tokens.add(ALICE, "old", now_s=NOW_S)
    tokens.add(ALICE, "new", now_s=NOW_S + 80 * DAY_S)

    assert tokens.valid(ALICE, now_s=NOW_S + 89 * DAY_S) == ["old", "new"]
    assert tokens.valid(ALICE, now_s=NOW_S + 91 * DAY_S) == ["new"]
    assert tokens.valid(ALICE, now_s=NOW_S - 100) == []
    tokens.add(ALICE, "old", now_s=NOW_S + 89 * DAY_S)
    assert tokens.valid(ALICE, now_s=NOW_S + 120 * DAY_S) == ["new", "old"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"devicetoken": ["a", "b", 3, "c d"], "other": 1}', ["a", "b"]),
        ('{"devicetoken": {"a": 1728000000, "b": "x"}}', ["a"]),
        ('{"devicetoken": {"a": 1728000000, "b": 1e999, "c": NaN, "d": -Infinity}}', ["a"]),
        ("[" * 500_000, []),
        ('{"devicetoken": 7}', []),
        ("[]", []),
        ("{", []),
    ],
)
def test_older_and_damaged_files_are_read(
    tokens: Tokens, mailboxes: Mailboxes, content: str, expected: list[str]
) -> None:
    """The old form is a list; damage never raises."""
    file = mailboxes.path(ALICE) / "metadata.json"
    file.write_text(content)

    assert tokens.valid(ALICE, now_s=NOW_S) == expected
    tokens.add(ALICE, "z", now_s=NOW_S)
    assert tokens.valid(ALICE, now_s=NOW_S) == [*expected, "z"]
    if "other" in content:
        assert json.loads(file.read_text())["other"] == 1


def test_the_number_of_tokens_is_bounded(tokens: Tokens) -> None:
    """The oldest go."""
    for number in range(MAX_TOKENS + 5):
        tokens.add(ALICE, f"t{number}", now_s=NOW_S + number)

    valid = tokens.valid(ALICE, now_s=NOW_S + 100)
    assert len(valid) == MAX_TOKENS
    assert "t4" not in valid
    assert "t5" in valid


@given(st.text(max_size=50))
def test_a_token_has_no_white_space(text: str) -> None:
    """Tokens are joined by a space."""
    assert not is_token(text) or text.split() == [text]
