"""Canonical forms of header fields and bodies (RFC 6376 section 3.4)."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

_CRLF: Final = b"\r\n"
_TABS: Final = bytes.maketrans(b"\t", b" ")
_BLOCK_LINES: Final = 4096  # empty lines that are hashed at once


class Field(Protocol):
    """A header field: `value` is all behind the colon, with its folds, without the last CRLF."""

    @property
    def name(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...


class Canonicalization(enum.Enum):
    """Canonicalisation algorithm."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def header_field(name: bytes, value: bytes, form: Canonicalization) -> bytes:
    """Canonical form of a header field, without its CRLF."""
    if form is Canonicalization.SIMPLE:
        return name + b":" + value
    if b"\n" in value:
        value = value.replace(_CRLF, b"").replace(b"\n", b"")
    return name.strip(b" \t").lower() + b":" + _one_blank(value).strip(b" ")


class Fields:
    """The fields of a header by name, to be looked up for several signatures."""

    __slots__ = ("_by_name",)

    def __init__(self, headers: Sequence[Field]) -> None:
        self._by_name: dict[bytes, list[Field]] = {}
        for header in headers:
            self._by_name.setdefault(header.name.strip(b" \t").lower(), []).append(header)

    def select(self, names: Iterable[bytes], but: Field | None = None) -> list[Field]:
        """The fields that `names` (lower case) sign: from the last one up (section 5.4.2).

        `but` is the signature itself, which it does not sign as one of the others.
        """
        left: dict[bytes, Iterator[Field]] = {}
        found = []
        for name in names:
            if name not in left:
                left[name] = (f for f in reversed(self._by_name.get(name, ())) if f is not but)
            field = next(left[name], None)
            if field is not None:
                found.append(field)
        return found


def header_digest_input(fields: Iterable[Field], form: Canonicalization, signature: Field) -> bytes:
    """Octets that a signature of these fields signs; its own has an empty `b=`."""
    lines = [header_field(field.name, field.value, form) for field in fields]
    lines.append(header_field(signature.name, signature.value, form))
    return _CRLF.join(lines)


class BodyHash:
    """SHA-256 of a body in one of its canonical forms, fed in pieces.

    `size_bytes` counts the canonical body. Nothing is held back but counts and at most two octets.
    Empty lines are hashed as they come, in a second hash that counts when text follows: 30 MB of
    them at once would keep everybody waiting.
    """

    __slots__ = (
        "_ahead",
        "_ahead_lines",
        "_empty_lines",
        "_hash",
        "_relaxed",
        "_rest",
        "size_bytes",
    )

    def __init__(self, form: Canonicalization) -> None:
        self._relaxed = form is Canonicalization.RELAXED
        self._hash = hashlib.sha256()
        self._rest = b""  # what may belong to a line end, or to blanks before one
        self._empty_lines = 0  # line ends that count only when something follows
        self._ahead_lines = 0  # those of them that are in this hash
        self._ahead = self._hash
        self.size_bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        data = self._rest + piece
        if self._relaxed:
            data = _without_blanks(data)
        self._rest = _unfinished(data, self._relaxed)
        self._lines(data[: len(data) - len(self._rest)])

    def digest(self) -> bytes:
        """The hash; the body is complete."""
        rest = self._rest.rstrip(b" ") if self._relaxed else self._rest
        self._rest = b""
        self._lines(rest)
        if self.size_bytes or not self._relaxed:  # only a relaxed empty body has no line end
            self._update(_CRLF)
        return self._hash.digest()

    def _lines(self, data: bytes) -> None:
        text = data.rstrip(_CRLF)
        ends = data[len(text) :].replace(_CRLF, b"\0")
        count = len(ends) - len(ends.rstrip(b"\0"))
        text = data[: len(data) - 2 * count]
        if text:
            if self._ahead_lines:
                self._hash = self._ahead
                self.size_bytes += 2 * self._ahead_lines
            self._update(_CRLF * (self._empty_lines - self._ahead_lines))
            self._empty_lines = self._ahead_lines = 0
            self._update(text)
        self._empty_lines += count
        while self._empty_lines - self._ahead_lines >= _BLOCK_LINES:
            if not self._ahead_lines:
                self._ahead = self._hash.copy()
            self._ahead.update(_CRLF * _BLOCK_LINES)
            self._ahead_lines += _BLOCK_LINES

    def _update(self, data: bytes) -> None:
        self._hash.update(data)
        self.size_bytes += len(data)


def _without_blanks(data: bytes) -> bytes:
    """Runs of blanks become one, those before a line end vanish (section 3.4.4)."""
    data = _one_blank(data)
    return data.replace(b" \r\n", _CRLF) if b" " in data else data


def _one_blank(data: bytes) -> bytes:
    """Each run of blanks becomes one; a regular expression takes fifty times as long."""
    if b"\t" in data:
        data = data.translate(_TABS)
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def _unfinished(data: bytes, relaxed: bool) -> bytes:
    """End of the piece whose meaning the next piece decides."""
    for end in (b" \r", b"\r", b" ") if relaxed else (b"\r",):
        if data.endswith(end):
            return end
    return b""
