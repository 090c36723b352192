"""The parts of a multipart body, cut as the body arrives (RFC 2046 section 5.1)."""

from __future__ import annotations

from typing import Final, Protocol

_HEADER_LIMIT: Final = 32_768  # octets of the header of one part
_DELIMITER_LINE_LIMIT: Final = 256  # octets behind the boundary: "--", blanks, CRLF
_BOUNDARY_LIMIT: Final = 70  # RFC 2046 section 5.1.1


class PartReader(Protocol):
    """Who looks at the parts; a call that returns False ends the walk as a failure."""

    def outside(self, octets: bytes) -> bool:
        """Text before the first or behind the last part."""

    def begin(self, header: bytes) -> bool:
        """A part begins; ``header`` lacks the empty line behind it."""

    def data(self, octets: bytes) -> bool:
        """Content of the part that has begun, still in its transfer encoding."""

    def end(self) -> bool:
        """The part is over."""


class Multipart:
    """Cuts a body, fed in pieces, at its boundary.

    A line that begins like a delimiter but is none makes it fail: readers disagree on such lines,
    and what one reads as text another shows as a part. So does a delimiter behind the last one.
    """

    __slots__ = ("_buffer", "_closed", "_header", "_in_part", "_needle", "_reader", "failed")

    def __init__(self, boundary: bytes, reader: PartReader) -> None:
        self.failed = not 0 < len(boundary) <= _BOUNDARY_LIMIT or boundary.endswith(b" ")
        self._needle = b"\r\n--" + boundary
        self._reader = reader
        self._buffer = b"\r\n"  # the body begins at the start of a line
        self._in_part = False
        self._header: bytes | None = None  # header of the part, while it arrives
        self._closed = False

    def feed(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        if self.failed:
            return
        buffer, start = self._buffer + octets, 0
        # one octet is found much faster than several
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
            start = line_end  # which the next delimiter may begin with
        else:
            held_from = len(buffer) - len(self._needle) + 1
            if held_from > start:
                self._text(buffer[start:held_from])
                start = held_from
        self._buffer = buffer[start:]

    def finish(self) -> bool:
        """Whether the body was well-formed, closed, and to the reader's liking."""
        if self._buffer.startswith(self._needle):  # the last line lacks its CRLF
            self.feed(b"\r\n")
        if self._closed and not self.failed:
            self._text(self._buffer)
        return self._closed and not self.failed

    def _delimiter(self, line: bytes) -> None:
        """``line`` is what stands behind the boundary."""
        if line not in (b"", b"--") or self._closed or self._header is not None:
            self.failed = True
        elif self._in_part and not self.failed:
            self.failed = not self._reader.end()
        self._closed = line == b"--"
        self._in_part = not self._closed
        self._header = b"" if self._in_part else None

    def _text(self, octets: bytes) -> None:
        if self._header is not None:
            self._header_text(self._header + octets)
        elif self._in_part:
            self.failed = not self._reader.data(octets)
        else:
            self.failed = not self._reader.outside(octets)

    def _header_text(self, text: bytes) -> None:
        """``text`` begins with the CRLF of the delimiter, so an empty header is found as well."""
        end = text.find(b"\r\n\r\n")
        if end < 0:
            self._header = text
            self.failed = len(text) > _HEADER_LIMIT
            return
        self._header = None
        self.failed = not (self._reader.begin(text[2:end]) and self._reader.data(text[end + 4 :]))
