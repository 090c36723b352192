"""The author of a message: first address of its From field (RFC 5322 section 3.4)."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<comment>\((?:[^()\\]|\\.)*\))"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")'
    r'|(?P<angle><(?:"(?:[^"\\]|\\.)*"|[^<>"])*>)'
    r"|(?P<mark>[,;:])"
    r'|(?P<word>[^\s"(),:;<>\\\x00-\x1f\x7f]+)'
    r"|(?P<blank>[ \t]+)"
)
_ADDRESS: Final = re.compile(
    r'(?:[^\s"(),:;<>@\\\[\]\x00-\x1f\x7f]+|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")'
    r"@(?:[^\s\"(),:;<>@\\\[\]\x00-\x1f\x7f]+|\[[^\s\[\]\\\x00-\x1f\x7f]+\])"
)
# most fields are this: one address and nothing else
_ALONE: Final = re.compile(rb"<([0-9A-Za-z._-]+@[0-9A-Za-z.-]+)>")
_LIMIT: Final = 10_000  # octets of one From field; a longer one is no author


def author(value: bytes) -> str | None:
    """First address of an unfolded From field; None where the field is not well-formed.

    Fields that readers could understand in different ways count as malformed: text behind the
    angle brackets, two pairs of them, source routes, control characters.
    """
    if len(value) > _LIMIT:
        return None
    alone = _ALONE.fullmatch(value)
    if alone is not None:
        return alone[1].decode()
    tokens = _tokens(value.decode("utf-8", "surrogateescape"))
    if tokens is None:
        return None
    words: list[str] = []
    angle: str | None = None
    for kind, text in tokens:
        if kind == "mark" and text == ":" and angle is None:
            words = []  # what came before is the name of a group
        elif kind == "mark":
            break
        elif angle is not None:
            return None
        elif kind == "angle":
            angle = text[1:-1].strip(" \t")
        else:
            words.append(text)
    return _checked(angle if angle is not None else "".join(words))


def _tokens(text: str) -> list[tuple[str, str]] | None:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            return None
        position = match.end()
        if match.lastgroup not in {"comment", "blank"}:
            tokens.append((match.lastgroup, match[0]))
        elif tokens and tokens[-1][0] == "word":
            tokens.append(("word", " "))  # two words are no address
    while tokens and tokens[-1] == ("word", " "):
        tokens.pop()
    return tokens


def _checked(address: str) -> str | None:
    address = address.strip(" ")
    return address if _ADDRESS.fullmatch(address) else None


def domain_of(address: str) -> str:
    """What stands behind the last ``@``, in lower case."""
    return address.rpartition("@")[2].lower()


def is_literal(domain: str) -> bool:
    """Whether a domain is an address in brackets (RFC 5321 section 4.1.3)."""
    return domain.startswith("[") and domain.endswith("]")
