"""The grammar of each language: plural forms and spaces."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

NO_BREAK_SPACE = "\u00a0"
NARROW_NO_BREAK_SPACE = "\u202f"
WORD_JOINER = "\u2060"

SHORT_WORD = re.compile(r"(?<!\S)([^\W\d_]) (?=\S)")
SHORT_PREFIX = re.compile(r"(?<!\w)(\w{1,2})-(?=\w)")


def _one_or_many(number: int) -> int:
    return int(number != 1)


def _up_to_one_or_many(number: int) -> int:
    return int(number > 1)


def _slavic(number: int) -> int:
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if _is_few(number) else 2


def _polish(number: int) -> int:
    if number == 1:
        return 0
    return 1 if _is_few(number) else 2


def _is_few(number: int) -> bool:
    return number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)


PluralRule = Callable[[int], int]

PLURAL_RULES: Mapping[str, PluralRule] = MappingProxyType(
    {
        "de": _one_or_many,
        "en": _one_or_many,
        "es": _one_or_many,
        "fr": _up_to_one_or_many,
        "it": _one_or_many,
        "nl": _one_or_many,
        "pl": _polish,
        "pt": _up_to_one_or_many,
        "ru": _slavic,
        "uk": _slavic,
    }
)
"""Language code -> index of the plural form for a whole number (Unicode CLDR, plural rules)."""

PLURAL_FORMS: Mapping[str, int] = MappingProxyType(
    {code: 3 if rule in (_slavic, _polish) else 2 for code, rule in PLURAL_RULES.items()}
)
"""Language code -> number of plural forms."""

DEFAULT_LANGUAGE = "en"


def keep_together(text: str) -> str:
    """`text` without possible line breaks."""
    return text.replace(" ", NO_BREAK_SPACE)


def keep_hyphens(text: str) -> str:
    """`text` without line breaks inside words such as e-mail."""
    return SHORT_PREFIX.sub(rf"\1-{WORD_JOINER}", text)


def polish_spacing(text: str) -> str:
    """`text` without line breaks after words of one letter (Polish, Russian, Ukrainian)."""
    return SHORT_WORD.sub(rf"\1{NO_BREAK_SPACE}", text)


def french_spacing(text: str) -> str:
    """`text` with the no-break spaces of French punctuation."""
    for sign in ":;?!»":
        text = text.replace(f" {sign}", f"{NARROW_NO_BREAK_SPACE}{sign}")
    return text.replace("« ", f"«{NARROW_NO_BREAK_SPACE}")


SPACING: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"fr": french_spacing, "pl": polish_spacing, "ru": polish_spacing, "uk": polish_spacing}
)
"""Language code -> function that sets its no-break spaces."""
