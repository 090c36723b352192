"""Choose sentences by Accept-Language (RFC 9110 section 12.5.4)."""

import functools
import json
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "de", "pl", "it", "fr", "es", "nl", "pt", "ru", "uk")
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


def sentence(code: str, language: str) -> str:
    """Return the sentence of a reason code."""
    return _texts()[code][language]


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


@functools.cache
def _texts() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_name("reasons.json").read_bytes()
    )
    return texts
