"""Numbers of days and sizes follow the grammar of each language."""

import pytest

from chatmail_www.site import TEXTS_DIR
from chatmail_www.wording.facts import PLACEHOLDERS
from chatmail_www.wording.languages import NO_BREAK_SPACE
from chatmail_www.wording.texts import Texts, load_texts

LANGUAGES = {texts.code: texts for texts in load_texts(TEXTS_DIR, None, PLACEHOLDERS)}


def spoken(code: str, number: int) -> str:
    """A number of days, with normal spaces."""
    return LANGUAGES[code].days(number).replace(NO_BREAK_SPACE, " ")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", ["1 day", "2 days", "20 days", "21 days"]),
        ("de", ["1 Tag", "2 Tage", "20 Tage", "21 Tage"]),
        ("fr", ["1 jour", "2 jours", "20 jours", "21 jours"]),
        ("pl", ["1 dzień", "2 dni", "20 dni", "21 dni"]),
        ("ru", ["1 день", "2 дня", "20 дней", "21 день"]),
        ("uk", ["1 день", "2 дні", "20 днів", "21 день"]),
    ],
)
def test_days_have_the_right_plural_form(code: str, expected: list[str]) -> None:
    """For one, few and many."""
    assert expected == [spoken(code, number) for number in (1, 2, 20, 21)]


@pytest.mark.parametrize("number", [11, 12, 13, 14, 111])
def test_eleven_to_fourteen_are_many(number: int) -> None:
    """In Slavic languages their last digit does not decide."""
    assert f"{number} дней" == spoken("ru", number)


@pytest.mark.parametrize(
    ("code", "number_bytes", "expected"),
    [
        ("en", 200_000, "200 kB"),
        ("en", 31_457_280, "31.5 MB"),
        ("de", 31_457_280, "31,5 MB"),
        ("fr", 1_000_000, "1 Mo"),
        ("ru", 200_500, "200,5 кБ"),
    ],
)
def test_sizes_have_the_decimal_sign_of_the_language(
    code: str, number_bytes: int, expected: str
) -> None:
    """At most one decimal, and no line break before the unit."""
    texts: Texts = LANGUAGES[code]

    assert expected.replace(" ", NO_BREAK_SPACE) == texts.size(number_bytes)


def test_a_domain_with_a_hyphen_stays_as_it_is() -> None:
    """People copy it, so it has no invisible characters."""
    text = LANGUAGES["en"].say("site.description", {"domain": "my-relay.example"})

    assert "my-relay.example" in text


@pytest.mark.parametrize(
    ("code", "expected"),
    [("pl", "w kilka sekund"), ("ru", "в расширенных"), ("uk", "в розширених")],
)
def test_no_line_ends_with_a_word_of_one_letter(code: str, expected: str) -> None:
    """In languages with this rule; other spaces stay normal."""
    text = " ".join(
        LANGUAGES[code].say(key, {"domain": "x"}) for key in ("home.title", "delete.find")
    )

    first, _, rest = expected.partition(" ")
    assert f"{first}{NO_BREAK_SPACE}{rest}" in text
