"""The language of a refusal."""

import importlib.resources
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.accounts.web.language import LANGUAGES, preferred, sentence
from chatmaild.settings import Settings

Play = Callable[[Any], None]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_says_why_in_the_persons_language(
    play: Play, settings: Settings, language: str
) -> None:
    """The client shows `reason`."""
    RegistrationSwitch(settings).marker.touch()

    async def scenario(relay: Any) -> None:
        status, headers, body = await relay.web(
            "POST", "/new", accept_language=f"xx, {language}-XX;q=0.9, en;q=0.1"
        )
        assert (status, headers["content-language"]) == (403, language)
        assert json.loads(body) == {"reason": sentence("closed", language)}

    play(scenario)


def test_every_reason_has_a_sentence_in_every_language() -> None:
    """And no two languages the same one."""
    file = importlib.resources.files("chatmaild.accounts.web") / "reasons.json"
    for code, texts in json.loads(file.read_text()).items():
        assert set(texts) == set(LANGUAGES), code
        assert len(set(texts.values())) == len(LANGUAGES), code


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("*", "en"), ("de", "de"), ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("ja,nl;q=0.5", "nl"), ("en;q=0.1,ru;q=0.9", "ru"), ("fr;q=0", "en"),
        ("fr;q=x", "en"), (";;;,,,=", "en"), ("UK", "uk"),
    ],
)  # fmt: skip
def test_the_language_is_the_best_we_have(header: str, language: str) -> None:
    """RFC 9110 section 12.5.4."""
    assert preferred(header) == language


@given(st.text(max_size=300))
def test_any_language_header_has_a_language(header: str) -> None:
    """The header may hold anything."""
    assert preferred(header) in LANGUAGES
