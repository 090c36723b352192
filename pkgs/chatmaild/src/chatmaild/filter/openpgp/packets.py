"""Packets of an OpenPGP message: decodes headers and session keys, skips the encrypted data.

Source: RFC 9580 sections 4.2 (packet headers) and 10.3 (packet sequence of a message).
"""

from __future__ import annotations

import binascii
from typing import Final

from chatmaild.filter.openpgp import session_keys

PUBLIC_KEY_SESSION_KEY: Final = 1
SYMMETRIC_SESSION_KEY: Final = 3
MARKER: Final = 10  # PGP Desktop writes it first; receivers ignore it (RFC 9580 section 5.8)
INTEGRITY_PROTECTED_DATA: Final = 18

# tag, up to five bytes of length, and the first four bytes of encrypted data
_HEADER_BYTES: Final = 10
# 1000 recipients at most, ten keys for each
_MAX_SESSION_KEYS: Final = 10_000
# Real session keys have 80 bytes and more; checking one takes 10 us. This bound avoids 0.1 s for
# a message of 10,000 tiny ones.
_KEY_BYTES: Final = 64
_FREE_KEYS: Final = 64
_MIN_FIRST_PIECE: Final = 512  # RFC 9580 section 4.2.1.4
# Real programs write partial lengths of at least 512 bytes; checking one takes 1 us. This bound
# avoids seconds for a message of one-byte pieces.
_PIECE_BYTES: Final = 256
_FREE_PIECES: Final = 64

_Length = tuple[int, int, bool]  # start of the content, its length, whether it is a partial length


class PacketReader:
    """Checks that base64 text is one encrypted message and nothing else.

    A message is session keys, then one packet of integrity-protected data that ends with the
    text. Positions are in decoded bytes; of the data only the length headers are decoded.
    """

    __slots__ = ("_base", "_in_data", "_keys", "_next", "_partial", "_pieces", "_text", "failed")

    def __init__(self) -> None:
        self.failed = False
        self._text = b""  # base64 held back from earlier pieces
        self._base = 0  # number of characters before `_text`
        self._next = 0  # position of the next header
        self._in_data = False  # the current packet is the encrypted data
        self._partial = False  # another partial length follows at `_next`
        self._pieces = 0
        self._keys = 0

    def feed(self, text: bytes) -> None:
        """Take base64 characters of the alphabet, without padding and line ends."""
        if self.failed:
            return
        self._text += text
        total = self._base + len(self._text)
        self._check_packets(total // 4 * 3, is_end=False)
        # keep whole groups of four from the next header on
        keep_from = max(self._base, min(self._next // 3 * 4, total // 4 * 4))
        self._text = self._text[keep_from - self._base :]
        self._base = keep_from

    def skip(self, characters: int) -> bool:
        """Skip that many characters; False, and nothing skipped, if a header is among them."""
        total = self._base + len(self._text) + characters
        if self._next // 3 * 4 < total:
            return False
        self._base, self._text = total, b""
        return True

    def finish(self, padding: int) -> bool:
        """Whether the text was a message; `padding` is the number of `=` after it."""
        characters = self._base + len(self._text)
        if self.failed or characters % 4 == 1 or padding != -characters % 4:
            return False
        end = characters * 3 // 4
        self._text += b"=" * padding
        self._check_packets(end, is_end=True)
        return not self.failed and self._in_data and not self._partial and self._next == end

    def _check_packets(self, available: int, *, is_end: bool) -> None:
        """Check every packet whose header ends before position `available`."""
        wanted = 1 if is_end else _HEADER_BYTES
        while not self.failed and self._next + wanted <= available:
            if self._in_data and not self._partial:
                self.failed = True  # a packet follows the encrypted data
                return
            header = self._bytes(self._next, min(_HEADER_BYTES, available - self._next))
            if self._partial:
                self._next_partial(header)
            elif not self._check_packet(header, available):
                self.failed = self.failed or is_end
                return

    def _bytes(self, position: int, count: int) -> bytes:
        start = position // 3 * 4 - self._base
        end = (position + count + 2) // 3 * 4 - self._base
        skip = position % 3
        return binascii.a2b_base64(self._text[start:end])[skip : skip + count]

    def _check_packet(self, header: bytes, available: int) -> bool:
        """Check a packet; False if its end has not arrived yet."""
        found = _read_header(header)
        if found is None:
            self.failed = True
            return True
        kind, (at, size, is_piece) = found
        self._in_data = kind == INTEGRITY_PROTECTED_DATA
        if self._in_data:
            self._partial = is_piece
            is_short = is_piece and size < _MIN_FIRST_PIECE
            head = header[at : at + min(4, size)]
            whole = None if is_piece else size
            self.failed = is_short or not session_keys.is_protected_data(head, whole)
            self._count_piece()
        elif is_piece or size > session_keys.MAX_BODY_BYTES or self._has_too_many_keys():
            self.failed = True  # partial lengths are for data only (RFC 9580 section 4.2.1.4)
        elif self._next + at + size > available:
            return False
        else:
            self._keys += 1
            self.failed = not _may_precede(kind, self._bytes(self._next + at, size))
        self._next += at + size
        return True

    def _has_too_many_keys(self) -> bool:
        too_small = self._keys >= _FREE_KEYS + self._next // _KEY_BYTES
        return too_small or self._keys == _MAX_SESSION_KEYS

    def _next_partial(self, header: bytes) -> None:
        found = _read_length(header, 0)
        if found is None:
            self.failed = True
            return
        at, size, self._partial = found
        self._next += at + size
        self._count_piece()

    def _count_piece(self) -> None:
        self._pieces += self._partial
        if self._pieces > _FREE_PIECES + self._next // _PIECE_BYTES:
            self.failed = True


def _read_header(header: bytes) -> tuple[int, _Length] | None:
    """Type ID and length of a packet; None if the header is malformed."""
    tag = header[0]
    if tag & 0xC0 == 0xC0:
        found = _read_length(header, 1)
        return None if found is None else (tag & 0x3F, found)
    at = 1 + (1 << (tag & 0x03))
    # length type 3 has no end and would hide what follows (RFC 9580 section 4.2.2)
    if not tag & 0x80 or tag & 0x03 == 3 or len(header) < at:
        return None
    return tag >> 2 & 0x0F, (at, int.from_bytes(header[1:at], "big"), False)


def _read_length(header: bytes, at: int) -> _Length | None:
    """A length in the OpenPGP format (RFC 9580 section 4.2.1); None if it is incomplete."""
    first = header[at] if len(header) > at else 256
    end = at + (1 if first < 192 or 224 <= first < 255 else 2 if first < 224 else 5)
    if len(header) < end:
        return None
    if first < 192:
        return end, first, False
    if first < 224:
        return end, (first - 192 << 8) + header[at + 1] + 192, False
    if first < 255:
        return end, 1 << (first & 0x1F), True
    return end, int.from_bytes(header[at + 1 : end], "big"), False


def _may_precede(kind: int, body: bytes) -> bool:
    """Whether a packet is allowed before the encrypted data."""
    if kind == PUBLIC_KEY_SESSION_KEY:
        return session_keys.is_for_public_key(body)
    if kind == SYMMETRIC_SESSION_KEY:
        return session_keys.is_for_passphrase(body)
    return kind == MARKER and body == session_keys.MARKER_BODY
