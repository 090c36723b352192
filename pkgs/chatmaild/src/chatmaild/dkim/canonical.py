"""Canonical forms of header fields and bodies (RFC 6376 section 3.4)."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

_BLANKS: Final = re.compile(rb"[ \t]+")
_FOLD: Final = re.compile(rb"\r?\n")
_CRLF: Final = b"\r\n"
_TABS: Final = bytes.maketrans(b"\t", b" ")
_BLOCK_LINES: Final = 4096  # empty lines that are hashed at once


class Field(Protocol):
    """A header field: ``value`` is all behind the colon, with its folds, without the last CRLF."""

    @property
    def name(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...


class Form(enum.Enum):
    """Canonicalisation algorithm."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def header_field(name: bytes, value: bytes, form: Form) -> bytes:
    """Canonical form of a header field, without its CRLF."""
    if form is Form.SIMPLE:
        return name + b":" + value
    unfolded = _BLANKS.sub(b" ", _FOLD.sub(b"", value)).strip(b" ")
    return name.strip(b" \t").lower() + b":" + unfolded


def select(headers: Sequence[Field], names: Iterable[bytes]) -> list[Field]:
    """The fields that ``names`` (lower case) sign: from the last one up (section 5.4.2)."""
    remaining: dict[bytes, list[Field]] = {}
    for header in headers:
        remaining.setdefault(header.name.strip(b" \t").lower(), []).append(header)
    return [found.pop() for name in names if (found := remaining.get(name))]


def header_digest_input(
    headers: Sequence[Field], names: Iterable[bytes], form: Form, signature: Field
) -> bytes:
    """Octets that a signature signs; ``signature`` is its own field with an empty ``b=``."""
    lines = [header_field(field.name, field.value, form) for field in select(headers, names)]
    lines.append(header_field(signature.name, signature.value, form))
    return _CRLF.join(lines)


class BodyHash:
    """SHA-256 of a body in one of its canonical forms, fed in pieces.

    ``octets`` counts the canonical body. Nothing is held back but counts and at most two octets.
    """

    __slots__ = ("_empty_lines", "_hash", "_relaxed", "_rest", "octets")

    def __init__(self, form: Form) -> None:
        self._relaxed = form is Form.RELAXED
        self._hash = hashlib.sha256()
        self._rest = b""  # what may belong to a line end, or to blanks before one
        self._empty_lines = 0  # line ends that count only when something follows
        self.octets = 0

    def feed(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        data = self._rest + octets
        if self._relaxed:
            data = _without_blanks(data)
        self._rest = _unfinished(data, self._relaxed)
        self._lines(data[: len(data) - len(self._rest)])

    def digest(self) -> bytes:
        """The hash; the body is complete."""
        rest = self._rest.rstrip(b" ") if self._relaxed else self._rest
        self._rest = b""
        self._lines(rest)
        if self.octets or not self._relaxed:  # only a relaxed empty body has no line end
            self._update(_CRLF)
        return self._hash.digest()

    def _lines(self, data: bytes) -> None:
        text = data.rstrip(_CRLF)
        ends = data[len(text) :].replace(_CRLF, b"\0")
        count = len(ends) - len(ends.rstrip(b"\0"))
        text = data[: len(data) - 2 * count]
        if text:
            while self._empty_lines:
                lines = min(self._empty_lines, _BLOCK_LINES)
                self._update(_CRLF * lines)
                self._empty_lines -= lines
            self._update(text)
        self._empty_lines += count

    def _update(self, octets: bytes) -> None:
        self._hash.update(octets)
        self.octets += len(octets)


def _without_blanks(data: bytes) -> bytes:
    """Runs of blanks become one, those before a line end vanish (section 3.4.4)."""
    if b"\t" in data:
        data = data.translate(_TABS)
    if b" " not in data:
        return data
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data.replace(b" \r\n", _CRLF)


def _unfinished(data: bytes, relaxed: bool) -> bytes:
    """End of the piece whose meaning the next piece decides."""
    for end in (b" \r", b"\r", b" ") if relaxed else (b"\r",):
        if data.endswith(end):
            return end
    return b""
