"""Splits a multipart body that arrives in pieces into its parts (RFC 2046 section 5.1)."""

from __future__ import annotations

from typing import Final, Protocol

_HEADER_LIMIT: Final = 32_768  # bytes of the header of one part
_DELIMITER_LINE_LIMIT: Final = 256  # bytes after the boundary: "--", whitespace, CRLF
_BOUNDARY_LIMIT: Final = 70  # RFC 2046 section 5.1.1


class PartReader(Protocol):
    """Gets the parts of a body; a call that returns False rejects the body."""

    def outside(self, piece: bytes) -> bool:
        """Take a piece of the preamble or epilogue."""

    def begin(self, header: bytes) -> bool:
        """Begin a part; `header` ends before the empty line."""

    def data(self, piece: bytes) -> bool:
        """Take a piece of the content of the part, still in its transfer encoding."""

    def end(self) -> bool:
        """End the part."""


class Multipart:
    """Splits a body at its boundary and passes the parts to a `PartReader`.

    It fails on a line that begins like a delimiter but is none, and on a delimiter after the last
    one: some mail readers take such a line as text, others as the start of a part.
    """

    __slots__ = ("_buffer", "_closed", "_header", "_in_part", "_needle", "_reader", "failed")

    def __init__(self, boundary: bytes, reader: PartReader) -> None:
        self.failed = not 0 < len(boundary) <= _BOUNDARY_LIMIT or boundary.endswith(b" ")
        self._needle = b"\r\n--" + boundary
        self._reader = reader
        self._buffer = b"\r\n"  # the body begins at the start of a line
        self._in_part = False
        self._header: bytes | None = None  # header of the part while it is incomplete
        self._closed = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        if self.failed:
            return
        buffer, start = self._buffer + piece, 0
        # searching for one byte is much faster than for several
        while buffer.find(b"-", start) >= 0 and (at := buffer.find(self._needle, start)) >= 0:
            if at > start:
                self._text(buffer[start:at])
            line_at = at + len(self._needle)
            line_end = buffer.find(b"\r\n", line_at, line_at + _DELIMITER_LINE_LIMIT)
            if line_end < 0:
                self.failed = self.failed or len(buffer) >= line_at + _DELIMITER_LINE_LIMIT
                start = at
                break
            self._delimiter(buffer[line_at:line_end].rstrip(b" \t"))
            if self.failed:
                return
            start = line_end  # this CRLF may begin the next delimiter
        else:
            held_from = len(buffer) - len(self._needle) + 1
            if held_from > start:
                self._text(buffer[start:held_from])
                start = held_from
        self._buffer = buffer[start:]

    def finish(self) -> bool:
        """Whether the body was well-formed and closed, and the reader accepted every part."""
        if self._buffer.startswith(self._needle):  # the last line has no CRLF
            self.feed(b"\r\n")
        if self._closed and not self.failed:
            self._text(self._buffer)
        return self._closed and not self.failed

    def _delimiter(self, line: bytes) -> None:
        """Handle a delimiter; `line` is its rest after the boundary."""
        if line not in (b"", b"--") or self._closed or self._header is not None:
            self.failed = True
        elif self._in_part and not self.failed:
            self.failed = not self._reader.end()
        self._closed = line == b"--"
        self._in_part = not self._closed
        self._header = b"" if self._in_part else None

    def _text(self, piece: bytes) -> None:
        if self._header is not None:
            self._header_text(self._header + piece)
        elif self._in_part:
            self.failed = not self._reader.data(piece)
        else:
            self.failed = not self._reader.outside(piece)

    def _header_text(self, text: bytes) -> None:
        """Collect a header; `text` begins with the delimiter's CRLF, so it may be empty."""
        end = text.find(b"\r\n\r\n")
        if end < 0:
            self._header = text
            self.failed = len(text) > _HEADER_LIMIT
            return
        self._header = None
        self.failed = not (self._reader.begin(text[2:end]) and self._reader.data(text[end + 4 :]))
