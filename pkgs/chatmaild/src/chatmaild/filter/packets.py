"""Walk over the packets of an OpenPGP message, without decoding more than their headers.

RFC 9580 section 4.2 (packet headers) and 10.3 (what a message consists of).
"""

from __future__ import annotations

import binascii
from typing import Final

PUBLIC_KEY_SESSION_KEY: Final = 1
SYMMETRIC_SESSION_KEY: Final = 3
INTEGRITY_PROTECTED_DATA: Final = 18
_SESSION_KEYS: Final = frozenset({PUBLIC_KEY_SESSION_KEY, SYMMETRIC_SESSION_KEY})

_HEADER_OCTETS: Final = 6  # tag and five octets of length: the longest header
# Real programs cut data in pieces of at least 512 octets, and one look at a header costs about a
# microsecond: this bound keeps a message of one-octet pieces from costing seconds.
_PIECE_OCTETS: Final = 256
_FREE_PIECES: Final = 64


class PacketWalk:
    """Says of base64 text, fed in pieces, whether it is an encrypted message and nothing else.

    That is: session key packets only, then one packet of integrity-protected data that ends with
    the text. Positions are counted in decoded octets; only the headers are decoded.
    """

    __slots__ = ("_base", "_last", "_next", "_partial", "_pieces", "_text", "failed")

    def __init__(self) -> None:
        self.failed = False
        self._text = b""  # base64 kept from the last piece
        self._base = 0  # characters that came before _text
        self._next = 0  # where the next header begins
        self._last = False  # inside the packet of encrypted data
        self._partial = False  # what begins at _next is the rest of a packet cut in pieces
        self._pieces = 0

    def feed(self, text: bytes) -> None:
        """Take base64 characters: nothing but the alphabet, no padding, no line ends."""
        if self.failed:
            return
        self._text += text
        total = self._base + len(self._text)
        self._walk(total // 4 * 3, _HEADER_OCTETS)
        # keep whole groups of four from the next header on
        keep_from = max(self._base, min(self._next // 3 * 4, total // 4 * 4))
        self._text = self._text[keep_from - self._base :]
        self._base = keep_from

    def skip(self, characters: int) -> bool:
        """Pass over that many characters unseen, unless the next header is among them."""
        total = self._base + len(self._text) + characters
        if self._next // 3 * 4 < total:
            return False
        self._base, self._text = total, b""
        return True

    def finish(self, padding: int) -> bool:
        """Whether it was a message; ``padding`` is the number of ``=`` behind the text."""
        characters = self._base + len(self._text)
        if self.failed or characters % 4 == 1 or padding != -characters % 4:
            return False
        end = characters * 3 // 4
        self._text += b"=" * padding
        self._walk(end, 1)
        return not self.failed and self._last and not self._partial and self._next == end

    def _walk(self, available: int, wanted: int) -> None:
        """Read every header that lies wholly before ``available``."""
        while not self.failed and self._next + wanted <= available:
            if self._last and not self._partial:
                self.failed = True  # nothing may follow the encrypted data
                return
            header = self._octets(self._next, min(_HEADER_OCTETS, available - self._next))
            if self._partial:
                self._data_length(header, 0)
            else:
                self._packet(header)

    def _octets(self, position: int, count: int) -> bytes:
        start = position // 3 * 4 - self._base
        end = (position + count + 2) // 3 * 4 - self._base
        skip = position % 3
        return binascii.a2b_base64(self._text[start:end])[skip : skip + count]

    def _packet(self, header: bytes) -> None:
        tag = header[0]
        kind = tag & 0x3F if tag & 0x40 else tag >> 2 & 0x0F
        self._last = kind == INTEGRITY_PROTECTED_DATA
        if not tag & 0x80 or not (self._last or kind in _SESSION_KEYS):
            self.failed = True
        elif tag & 0x40:
            self._data_length(header, 1)
        else:
            self._old_length(header, tag & 0x03)

    def _old_length(self, header: bytes, kind: int) -> None:
        """Length in 1, 2 or 4 octets; 3 stands for "until the end", which hides what follows."""
        octets = 1 << kind
        if kind == 3 or len(header) < 1 + octets:
            self.failed = True
            return
        self._next += 1 + octets + int.from_bytes(header[1 : 1 + octets], "big")

    def _data_length(self, header: bytes, at: int) -> None:
        """Length of the new format (RFC 9580 section 4.2.1)."""
        first = header[at] if len(header) > at else 256
        octets = 1 if first < 192 or 224 <= first < 255 else 2 if first < 224 else 5
        if len(header) < at + octets:
            self.failed = True
            return
        self._partial = 224 <= first < 255
        if self._partial:
            length = 1 << (first & 0x1F)
            self._count_piece()
        elif octets == 1:
            length = first
        elif octets == 2:
            length = (first - 192 << 8) + header[at + 1] + 192
        else:
            length = int.from_bytes(header[at + 1 : at + 5], "big")
        self._next += at + octets + length

    def _count_piece(self) -> None:
        self._pieces += 1
        # only data may come in pieces (RFC 9580 section 4.2.1.4)
        if not self._last or self._pieces > _FREE_PIECES + self._next // _PIECE_OCTETS:
            self.failed = True
