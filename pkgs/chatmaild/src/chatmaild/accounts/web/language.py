"""Sentences for people, in the language that their client asks for (RFC 9110 section 12.5.4)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    Path(__file__).with_name("reasons.json").read_bytes()
)
# those of the pages; tests/nix compares them
LANGUAGES: Final = tuple(_SENTENCES["closed"])
# a header with more than these is no person's
_MAX_RANGES = 20


def preferred(accept_language: str) -> str:
    """The language with the highest quality that there are texts in, else English."""
    best, best_quality = LANGUAGES[0], 0.0
    for item in accept_language.split(",")[:_MAX_RANGES]:
        tag, _, parameter = item.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def sentence(code: str, language: str) -> str:
    """The sentence of a reason code."""
    return _SENTENCES[code][language]


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
