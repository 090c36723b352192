"""The parts of a multipart body, cut as the body arrives (RFC 2046 section 5.1)."""

from __future__ import annotations

from typing import Final, Protocol

from chatmaild.filter.headers import Header, parse_block

_HEADER_LIMIT: Final = 32_768  # octets of the header of one part
_DELIMITER_LINE_LIMIT: Final = 256  # octets behind the boundary: "--", blanks, CRLF
_BOUNDARY_LIMIT: Final = 70  # RFC 2046 section 5.1.1


class PartReader(Protocol):
    """Who looks at the parts; a call that returns False ends the walk as a failure."""

    def outside(self, octets: bytes) -> bool:
        """Text before the first or behind the last part."""

    def begin(self, headers: list[Header]) -> bool:
        """A part begins."""

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
        self._buffer += octets
        at = self._next_delimiter()
        while at >= 0 and self._delimiter(at):
            at = self._next_delimiter()
        if at < 0 and not self.failed:
            held = len(self._needle) - 1
            ready, self._buffer = self._buffer[:-held], self._buffer[-held:]
            self._text(ready)

    def finish(self) -> bool:
        """Whether the body was well-formed, closed, and to the reader's liking."""
        if self._buffer.startswith(self._needle):  # the last line lacks its CRLF
            self.feed(b"\r\n")
        if self._closed and not self.failed:
            self._text(self._buffer)
        return self._closed and not self.failed

    def _next_delimiter(self) -> int:
        """Where the next one begins, or -1; one octet is found much faster than several."""
        return self._buffer.find(self._needle) if b"-" in self._buffer else -1

    def _delimiter(self, at: int) -> bool:
        """Deal with the delimiter at that place; False where there is no more to do for now."""
        text, self._buffer = self._buffer[:at], self._buffer[at:]
        self._text(text)
        line_at = len(self._needle)
        line_end = self._buffer.find(b"\r\n", line_at, line_at + _DELIMITER_LINE_LIMIT)
        if line_end < 0:
            self._require(len(self._buffer) < line_at + _DELIMITER_LINE_LIMIT)
            return False
        line = self._buffer[line_at:line_end].rstrip(b" \t")
        # the line end may also be the one that the next delimiter begins with
        self._buffer = self._buffer[line_end:]
        self._require(line in (b"", b"--") and not self._closed and self._header is None)
        if self._in_part and not self.failed:
            self._require(self._reader.end())
        self._closed = line == b"--"
        self._in_part = not self._closed
        self._header = b"" if self._in_part else None
        return not self.failed

    def _text(self, octets: bytes) -> None:
        if self.failed or not octets:
            return
        if self._header is not None:
            self._header_text(self._header + octets)
        elif self._in_part:
            self._require(self._reader.data(octets))
        else:
            self._require(self._reader.outside(octets))

    def _header_text(self, text: bytes) -> None:
        """``text`` begins with the CRLF of the delimiter, so an empty header is found as well."""
        end = text.find(b"\r\n\r\n")
        if end < 0:
            self._header = text
            self._require(len(text) <= _HEADER_LIMIT)
            return
        self._header = None
        headers = parse_block(text[2:end])
        self._require(headers is not None and self._reader.begin(headers))
        self._text(text[end + 4 :])

    def _require(self, good: bool) -> None:
        self.failed = self.failed or not good
