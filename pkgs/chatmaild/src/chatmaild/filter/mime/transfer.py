"""Content-Transfer-Encoding, undone as the octets arrive (RFC 2045 section 6)."""

from __future__ import annotations

import binascii
from typing import Final

_LINE_LIMIT: Final = 65_536  # octets of one quoted-printable line; RFC 2045 allows 76


class Base64:
    """RFC 2045 section 6.8, without tolerance: alphabet, line ends, and padding at the end."""

    def __init__(self) -> None:
        self.failed = False
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Content of the next piece."""
        text = self._rest + octets.translate(None, b"\r\n")
        whole = max(0, (len(text) - 1) // 4 * 4)  # the last four may have padding
        text, self._rest = text[:whole], text[whole:]
        # a piece that ends with padding would pass for a text of its own
        self.failed = self.failed or b"=" in text
        return self._decode(text)

    def finish(self) -> bytes:
        """What was still held back."""
        return self._decode(self._rest)

    def _decode(self, text: bytes) -> bytes:
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            self.failed = True
            return b""


class QuotedPrintable:
    """RFC 2045 section 6.7; what is malformed stays as it is."""

    def __init__(self) -> None:
        self.failed = False
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Content of the next piece."""
        text = self._rest + octets
        lines_end = text.rfind(b"\n") + 1
        self._rest = text[lines_end:]
        self.failed = self.failed or len(self._rest) > _LINE_LIMIT
        return binascii.a2b_qp(text[:lines_end])

    def finish(self) -> bytes:
        """What was still held back."""
        return binascii.a2b_qp(self._rest)


Decoder = Base64 | QuotedPrintable

# names in lower case
IDENTITIES: Final = frozenset({b"7bit", b"8bit", b"binary"})  # octets stand for themselves
DECODERS: Final[dict[bytes, type[Decoder]]] = {
    b"base64": Base64,
    b"quoted-printable": QuotedPrintable,
}
