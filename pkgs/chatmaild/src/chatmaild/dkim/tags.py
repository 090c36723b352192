"""Tag lists: `name=value; name=value` (RFC 6376 section 3.2)."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BLANKS: Final = re.compile(r"[ \t\r\n]+")


def parse(text: str) -> dict[str, str] | None:
    """The tags by name, without surrounding whitespace; None if malformed or duplicate."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name) or name in tags:
            return None
        tags[name] = value.strip()
    return tags


def compact(value: str) -> str:
    """A value without whitespace: base64 may be folded."""
    return _BLANKS.sub("", value)


def items(value: str) -> list[str]:
    """The elements of a colon-separated value, in lower case."""
    return [item.strip().lower() for item in value.split(":")]


def without_signature(field: bytes) -> bytes:
    """The value of a DKIM-Signature field with an empty `b=`, as the signature covers it."""
    parts = field.split(b";")
    for index, part in enumerate(parts):
        name, equals, _ = part.partition(b"=")
        if equals and name.strip() == b"b":
            parts[index] = name + equals
    return b";".join(parts)
