"""Every form of a mail program can be read back."""

from __future__ import annotations

import pytest

from chatmail_testkit.people.person import Letter, Person
from chatmail_testkit.relays.network import NetworkTarget
from chatmail_testkit.samples.mail_programs import FOREIGN_FORMS, FORMS, text_of

TARGET = NetworkTarget(relays=["a.test"], inside=False)
ALL = FORMS | FOREIGN_FORMS


@pytest.mark.parametrize("program", ALL)
def test_text(program: str) -> None:
    """Header fields of the program, text of the person."""
    alice, bob = (Person(target=TARGET, domain="a.test") for _ in range(2))

    raw = ALL[program].writes(alice, [bob], "hello")

    letter = Letter(raw=raw, key=bob.key)
    assert text_of(letter) == "hello"
    assert "Chat-Version" not in letter.headers
    for name, value in ALL[program].headers.items():
        assert letter.headers[name] == value
