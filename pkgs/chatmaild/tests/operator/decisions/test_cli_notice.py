"""`chatmail notice`."""

import json

from chatmaild.settings import Settings
from chatmaild.store.decisions.notice import file_of

from ..conftest import Chatmail


def test_a_notice_comes_and_goes(chatmail: Chatmail, audited: list[str]) -> None:
    """The journal does not get the text."""
    none = (0, ["there is no notice"])
    assert chatmail("notice", "show") == none
    assert chatmail("notice", "set", "Moved on Friday") == (0, ["Moved on Friday"])
    assert chatmail("notice", "show") == (0, ["Moved on Friday"])
    code, (line,) = chatmail("notice", "show", "--json")
    assert (code, json.loads(line)) == (0, {"text": "Moved on Friday"})
    assert chatmail("notice", "clear") == none
    assert chatmail("notice", "clear") == none
    assert json.loads(chatmail("notice", "show", "--json")[1][0]) == {"text": None}
    assert audited == ["notice set", "notice cleared"]


def test_a_wrong_text_changes_nothing(chatmail: Chatmail, settings: Settings) -> None:
    """One line on stderr."""
    code, lines = chatmail("notice", "set", "two\nlines")

    assert (code, lines) == (1, ["error: a notice is one line of printable characters"])
    assert not file_of(settings).exists()
