"""ASCII armour of OpenPGP that arrives in pieces (RFC 9580 section 6.2)."""

from __future__ import annotations

import re
from typing import Final

from chatmaild.filter.openpgp.packets import PacketReader

BEGIN: Final = b"-----BEGIN PGP MESSAGE-----"
_BLANKS: Final = b" \t"
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LINE_ENDS: Final = b"\r\n"
# padding, checksum line, end line; the checksum is not verified (RFC 9580 section 6.1)
_TAIL: Final = re.compile(
    rb"(?:(={1,2})(?:[ \t]*\r?\n)+)?(=[A-Za-z0-9+/]{4}(?:[ \t]*\r?\n)+)?"
    rb"-----END PGP MESSAGE-----(?:[ \t]*\r?\n)*[ \t]*"
)
_HEAD_LIMIT: Final = 2048  # bytes before the base64; real programs write a few hundred
_TAIL_LIMIT: Final = 1024
_HEADER_LINES: Final = 16
_HEADER_LINES_STRICT: Final = 4

# any header; receivers ignore unknown ones (RFC 9580 section 6.2.2)
_HEADER: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,63}:(?:[ \t][^\0\r\n]*)?")
# Headers of GnuPG, Mailvelope, FlowCrypt, GopenPGP, OpenPGP.js, OpenKeychain, PGP Desktop,
# Enigmail, GPGTools and Bouncy Castle: name and version, URL, character set.
_URL: Final = rb"https?://[A-Za-z0-9.-]{1,40}(?:/[A-Za-z0-9._/-]{0,40})?"
_HEADER_STRICT: Final = re.compile(
    rb"(?:"
    rb"version:[ \t]+(?:"
    rb"[a-z][a-z0-9./]{1,15}(?: [a-z#]{1,10}){0,2} v?[0-9][0-9a-z.+-]{0,19}"
    rb"(?: [a-z]{1,10} encryption)?(?: \((?:build )?[a-z0-9 ./-]{1,20}\))?"
    rb"(?: - not licensed for commercial use: www\.pgp\.com)?"
    rb"|protonmail|pgpainless|objectivepgp)"
    rb"|comment:[ \t]+(?:"
    rb"(?:[a-z]{1,16} - |email security by mailvelope - )?" + _URL + rb"|"
    rb"using [a-z.]{1,16}(?: with [a-z]{1,16})?(?: - " + _URL + rb")?|"
    rb"seamlessly send and receive encrypted email)"
    rb"|charset:[ \t]+[a-z0-9_-]{1,20}"
    rb")[ \t]*",
    re.IGNORECASE,
)


class ArmourReader:
    """Checks that content is one armoured encrypted message and nothing else.

    `strict` allows only armour headers of known programs (rule E1 at submission).
    """

    __slots__ = ("_head", "_line_start", "_packets", "_strict", "_tail", "failed")

    def __init__(self, *, strict: bool) -> None:
        self.failed = False
        self._strict = strict
        self._packets = PacketReader()
        self._head: bytes | None = b""  # None once the base64 has begun
        self._tail: bytes | None = None  # from the first "=" or "-" on
        self._line_start = True

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the content."""
        if self.failed or not piece:
            return
        if self._tail is not None:
            self._feed_tail(piece)
        elif self._head is not None:
            self._feed_head(piece)
        else:
            self._feed_data(piece)

    def finish(self) -> bool:
        """Whether the complete content was an encrypted message."""
        match = None if self.failed or self._tail is None else _TAIL.fullmatch(self._tail)
        if match is None or (match[1] is None and not self._line_start):
            return False
        return self._packets.finish(len(match[1] or b""))

    def _feed_head(self, piece: bytes) -> None:
        head = (self._head or b"") + piece
        data_at = self._data_start(head)
        if self.failed:
            return
        # the limit must not depend on the size of the pieces
        self.failed = (len(head) if data_at is None else data_at) > _HEAD_LIMIT
        self._head = head if data_at is None else None
        if data_at is not None and not self.failed:
            self._feed_data(head[data_at:])

    def _data_start(self, head: bytes) -> int | None:
        """Position where the base64 begins; None if it is not known yet."""
        at = begin_at = 0
        headers = 0
        while (line_end := head.find(b"\n", at, _HEAD_LIMIT)) >= 0:
            line = head[at:line_end].removesuffix(b"\r").rstrip(_BLANKS)
            if not begin_at:
                begin_at = line_end + 1 if line == BEGIN else 0
                self.failed = bool(line) and line != BEGIN
            elif b":" in line:
                headers += 1
                self.failed = not self._is_header(line, headers)
            else:  # the empty line, or the first base64 line if there is no empty one
                return at if line else line_end + 1
            if self.failed:
                return None
            at = line_end + 1
        return None

    def _is_header(self, line: bytes, count: int) -> bool:
        if self._strict:
            return count <= _HEADER_LINES_STRICT and bool(_HEADER_STRICT.fullmatch(line))
        return count <= _HEADER_LINES and bool(_HEADER.fullmatch(line))

    def _feed_data(self, piece: bytes) -> None:
        equals, dash = piece.find(b"="), piece.find(b"-")
        end = max(equals, dash) if equals < 0 or dash < 0 else min(equals, dash)
        lines = piece if end < 0 else piece[:end]
        if lines:
            self._line_start = lines.endswith(b"\n")
        ends = lines.translate(None, _ALPHABET)
        if ends.translate(None, _LINE_ENDS):
            self.failed = True
            return
        # between packet headers only the number of characters is needed
        if not self._packets.skip(len(lines) - len(ends)):
            self._packets.feed(lines.translate(None, _LINE_ENDS))
            self.failed = self._packets.failed
        if end >= 0:
            self._feed_tail(piece[end:])

    def _feed_tail(self, piece: bytes) -> None:
        self._tail = (self._tail or b"") + piece
        self.failed = self.failed or len(self._tail) > _TAIL_LIMIT
