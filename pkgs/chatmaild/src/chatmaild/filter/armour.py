"""ASCII armour of OpenPGP, read in pieces as they arrive (RFC 9580 section 6.2)."""

from __future__ import annotations

import re
from typing import Final

from chatmaild.filter.packets import PacketWalk

BEGIN: Final = b"-----BEGIN PGP MESSAGE-----\r\n"
_VERSION: Final = b"Version: "
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LINE_ENDS: Final = b"\r\n"
# padding, checksum line, end line; the checksum is not verified (RFC 9580 section 6.1)
_TAIL: Final = re.compile(
    rb"(?:(={1,2})(?:\r\n)+)?(=[A-Za-z0-9+/]{4}(?:\r\n)+)?-----END PGP MESSAGE-----(?:\r\n)*"
)
_HEAD_LIMIT: Final = 1024  # octets; real heads have one Version line at most
_TAIL_LIMIT: Final = 1024


class Armour:
    """Says whether octets, fed in pieces, are one armoured encrypted message and nothing else.

    ``strict`` refuses the Version line that old programs write.
    """

    __slots__ = ("_head", "_line_start", "_strict", "_tail", "_walk", "failed")

    def __init__(self, *, strict: bool) -> None:
        self.failed = False
        self._strict = strict
        self._walk = PacketWalk()
        self._head: bytes | None = b""  # None once the base64 has begun
        self._tail: bytes | None = None  # from the first "=" or "-" on
        self._line_start = True

    def feed(self, octets: bytes) -> None:
        """Take the next piece."""
        if self.failed or not octets:
            return
        if self._tail is not None:
            self._more_tail(octets)
        elif self._head is not None:
            self._more_head(octets)
        else:
            self._more_data(octets)

    def finish(self) -> bool:
        """Whether it was a message."""
        match = None if self.failed or self._tail is None else _TAIL.fullmatch(self._tail)
        if match is None or (match[1] is None and not self._line_start):
            return False
        return self._walk.finish(len(match[1] or b""))

    def _more_head(self, octets: bytes) -> None:
        head = (self._head or b"") + octets
        if not head.startswith(BEGIN[: len(head)]):
            self.failed = True
            return
        data_at = self._data_start(head)
        if data_at is not None:
            self._head = None
            self._more_data(head[data_at:])
        elif len(head) > _HEAD_LIMIT:
            self.failed = True
        else:
            self._head = head

    def _data_start(self, head: bytes) -> int | None:
        """Where the base64 begins; None while that cannot be told yet."""
        at = len(BEGIN)
        if len(head) <= at or (not self._strict and _VERSION.startswith(head[at:])):
            return None
        if not self._strict and head.startswith(_VERSION, at):
            line_end = head.find(b"\r\n", at)
            if line_end < 0:
                return None
            at = line_end + 2
        return at

    def _more_data(self, octets: bytes) -> None:
        equals, dash = octets.find(b"="), octets.find(b"-")
        end = max(equals, dash) if equals < 0 or dash < 0 else min(equals, dash)
        lines = octets if end < 0 else octets[:end]
        if lines:
            self._line_start = lines.endswith(b"\n")
        ends = lines.translate(None, _ALPHABET)
        if ends.translate(None, _LINE_ENDS):
            self.failed = True
            return
        # far from the next header only the number of characters counts, and that is known already
        if not self._walk.skip(len(lines) - len(ends)):
            self._walk.feed(lines.translate(None, _LINE_ENDS))
            self.failed = self._walk.failed
        if end >= 0:
            self._more_tail(octets[end:])

    def _more_tail(self, octets: bytes) -> None:
        self._tail = (self._tail or b"") + octets
        self.failed = self.failed or len(self._tail) > _TAIL_LIMIT
