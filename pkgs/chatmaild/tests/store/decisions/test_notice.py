"""The operator's notice: what may be in it, and that logins do not depend on it."""

import pytest

from chatmaild.errors import DecisionError, NoticeError
from chatmaild.settings import Settings
from chatmaild.store.decisions import notice
from chatmaild.store.decisions.notice import MAX_LENGTH, Notice


def test_a_change_counts_at_once(settings: Settings) -> None:
    """In a process that runs."""
    found = Notice(settings)
    texts = [found.current()]
    for text in (" Wartung am Freitag ✨ ", "100 % \"sure\" \\ '%{user}'"):
        notice.set_text(settings, text)
        texts.append(found.current())
    notice.clear(settings)

    assert [*texts, found.current()] == [
        "",
        "Wartung am Freitag ✨",
        "100 % \"sure\" \\ '%{user}'",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one character"),
        (" \n", "at least one character"),
        ("x" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH} characters, and this has {MAX_LENGTH + 1}"),
        ("two\nlines", "one line of printable characters"),
        ("a\x00b", "one line of printable characters"),
        ("a\N{RIGHT-TO-LEFT OVERRIDE}b", "one line of printable characters"),
        ("\ud800", "one line of printable characters"),
    ],
)
def test_other_texts_are_refused(text: str, problem: str, settings: Settings) -> None:
    """The error says why, and the earlier text stays."""
    notice.set_text(settings, "y" * MAX_LENGTH)

    with pytest.raises(NoticeError, match=problem):
        notice.set_text(settings, text)
    assert notice.stored(settings) == "y" * MAX_LENGTH


@pytest.mark.parametrize(
    "content", ["", "{}", '{"text": 1}', '{"text": "a\\nb"}', "[]", "[" * 100_000]
)
def test_a_broken_file_stops_no_login(content: str, settings: Settings) -> None:
    """The command tells it."""
    notice.file_of(settings).write_text(content)

    assert Notice(settings).current() == ""
    with pytest.raises(DecisionError):
        notice.stored(settings)
