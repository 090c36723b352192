"""Decoders of Content-Transfer-Encoding for content in pieces (RFC 2045 section 6)."""

from __future__ import annotations

import binascii
from typing import Final

_LINE_LIMIT: Final = 65_536  # bytes of one quoted-printable line; RFC 2045 allows 76


class Base64:
    """Strict base64 (RFC 2045 section 6.8): alphabet, line ends, padding at the end."""

    def __init__(self) -> None:
        self.failed = False
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Decode the next piece; an incomplete group is held back."""
        text = self._rest + piece.translate(None, b"\r\n")
        whole = max(0, (len(text) - 1) // 4 * 4)  # the last four may have padding
        text, self._rest = text[:whole], text[whole:]
        # padding before the end would decode as two texts
        self.failed = self.failed or b"=" in text
        return self._decode(text)

    def finish(self) -> bytes:
        """Decode the rest."""
        return self._decode(self._rest)

    def _decode(self, text: bytes) -> bytes:
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            self.failed = True
            return b""


class QuotedPrintable:
    """Quoted-printable (RFC 2045 section 6.7); malformed sequences stay unchanged."""

    def __init__(self) -> None:
        self.failed = False
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Decode the next piece; an incomplete line is held back."""
        text = self._rest + piece
        lines_end = text.rfind(b"\n") + 1
        self._rest = text[lines_end:]
        self.failed = self.failed or len(self._rest) > _LINE_LIMIT
        return binascii.a2b_qp(text[:lines_end])

    def finish(self) -> bytes:
        """Decode the rest."""
        return binascii.a2b_qp(self._rest)


Decoder = Base64 | QuotedPrintable

# names in lower case
IDENTITIES: Final = frozenset({b"7bit", b"8bit", b"binary"})  # encodings without a transformation
DECODERS: Final[dict[bytes, type[Decoder]]] = {
    b"base64": Base64,
    b"quoted-printable": QuotedPrintable,
}
