"""Canonicalization of header fields and bodies (RFC 6376 section 3.4)."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

_CRLF: Final = b"\r\n"
_TABS: Final = bytes.maketrans(b"\t", b" ")
_BLOCK_LINES: Final = 4096  # empty lines hashed at once


class Field(Protocol):
    """A header field; `value` is all after the colon, with its folds, without the final CRLF."""

    @property
    def name(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...


class Canonicalization(enum.Enum):
    """Canonicalization algorithm, as in the tag `c=`."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


def header_field(name: bytes, value: bytes, form: Canonicalization) -> bytes:
    """The canonical form of a header field, without the final CRLF."""
    if form is Canonicalization.SIMPLE:
        return name + b":" + value
    if b"\n" in value:
        value = value.replace(_CRLF, b"").replace(b"\n", b"")
    return name.strip(b" \t").lower() + b":" + _one_blank(value).strip(b" ")


class Fields:
    """Index of the fields of a header by name, shared by several signatures."""

    __slots__ = ("_by_name",)

    def __init__(self, headers: Sequence[Field]) -> None:
        self._by_name: dict[bytes, list[Field]] = {}
        for header in headers:
            self._by_name.setdefault(header.name.strip(b" \t").lower(), []).append(header)

    def select(self, names: Iterable[bytes], but: Field | None = None) -> list[Field]:
        """The fields that the `names` of `h=` (in lower case) sign, last first (section 5.4.2).

        `but` is the signature field itself: it is never selected.
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
    """The bytes that a signature covers; `signature` is its own field with an empty `b=`."""
    lines = [header_field(field.name, field.value, form) for field in fields]
    lines.append(header_field(signature.name, signature.value, form))
    return _CRLF.join(lines)


class BodyHash:
    """SHA-256 of a canonical body that arrives in pieces; holds back two bytes at most.

    `size_bytes` is the length of the canonical body so far. Trailing empty lines do not count, so
    they go into a second hash until text follows: hashing 30 MB at once would delay all sessions.
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
        self._rest = b""  # may be part of a line end, or whitespace before one
        self._empty_lines = 0  # line ends that count only if text follows
        self._ahead_lines = 0  # how many of them `_ahead` has hashed
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
        """The hash of the complete body."""
        rest = self._rest.rstrip(b" ") if self._relaxed else self._rest
        self._rest = b""
        self._lines(rest)
        if self.size_bytes or not self._relaxed:  # an empty relaxed body has none
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
    """Reduce whitespace to one space, and to none before a line end (section 3.4.4)."""
    data = _one_blank(data)
    return data.replace(b" \r\n", _CRLF) if b" " in data else data


def _one_blank(data: bytes) -> bytes:
    """Reduce runs of whitespace to one space; a regular expression takes 50 times as long."""
    if b"\t" in data:
        data = data.translate(_TABS)
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def _unfinished(data: bytes, relaxed: bool) -> bytes:
    """The end of a piece that needs the next piece to be canonicalized."""
    for end in (b" \r", b"\r", b" ") if relaxed else (b"\r",):
        if data.endswith(end):
            return end
    return b""
