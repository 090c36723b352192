"""Choose sentences by Accept-Language (RFC 9110 section 12.5.4)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    Path(__file__).with_name("reasons.json").read_bytes()
)
# those of the pages; tests/nix compares them
LANGUAGES: Final = tuple(_SENTENCES["closed"])
# no browser sends more
_MAX_RANGES: Final = 20


def preferred(accept_language: str) -> str:
    """Return the language with the highest quality for which there are texts, else English."""
    best, best_quality = LANGUAGES[0], 0.0
    for item in accept_language.split(",")[:_MAX_RANGES]:
        tag, _, parameter = item.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def is_code(text: str) -> bool:
    """Whether there are sentences for a reason code."""
    return text in _SENTENCES


def sentence(code: str, language: str) -> str:
    """Return the sentence of a reason code."""
    return _SENTENCES[code][language]


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
