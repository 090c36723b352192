"""Stuff and unstuff dots in DATA, in pieces of any size (RFC 5321 section 4.5.2)."""

import re
from typing import Final

_END: Final = b"\r\n.\r\n"
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


class Unstuffer:
    """Takes what follows DATA in pieces and gives the message without the added dots.

    Attributes:
        rest: None until the lone dot; then the bytes that the client sent after it.
    """

    def __init__(self) -> None:
        # the message starts as if a line had just ended; these two bytes are no part of it
        self._held = b"\r\n"
        self._to_drop = len(self._held)
        self.rest: bytes | None = None

    def feed(self, piece: bytes) -> bytes:
        """Return the part of the message that this piece completes."""
        data = self._held + piece
        end = data.find(_END)
        if end >= 0:
            self.rest = data[end + len(_END) :]
            self._held = b""
            return self._unstuffed(data[: end + 2])
        held = _length_of_possible_end(data)
        self._held = data[len(data) - held :]
        return self._unstuffed(data[: len(data) - held])

    def _unstuffed(self, data: bytes) -> bytes:
        out = data.replace(b"\r\n.", b"\r\n")
        dropped = min(self._to_drop, len(out))
        self._to_drop -= dropped
        return out[dropped:]


def _length_of_possible_end(data: bytes) -> int:
    """Return how many bytes at the end of the data could begin the end mark."""
    for length in range(len(_END) - 1, 0, -1):
        if data.endswith(_END[:length]):
            return length
    return 0


class Stuffer:
    """Takes a message in pieces and gives the bytes to send after DATA.

    A bare LF becomes CRLF: to a server that takes a bare LF for the end of a line, a line could
    otherwise look like the end of the message.
    """

    def __init__(self) -> None:
        self._after_cr = False
        self._line_start = True

    def feed(self, piece: bytes) -> bytes:
        """Return the piece with CRLF at its line ends and its leading dots doubled."""
        if not piece:
            return b""
        prefix = b"\r" if self._after_cr else b""
        data = prefix + piece
        if data.count(b"\n") != data.count(b"\r\n"):
            data = _BARE_LF.sub(b"\r\n", data)
        stuffed = data.replace(b"\n.", b"\n..")[len(prefix) :]
        if self._line_start and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._after_cr = piece.endswith(b"\r")
        self._line_start = piece.endswith(b"\n")
        return stuffed

    def end(self) -> bytes:
        """Return the end of the message: CRLF where its last line lacks it, and a lone dot."""
        return b".\r\n" if self._line_start else b"\r\n.\r\n"
