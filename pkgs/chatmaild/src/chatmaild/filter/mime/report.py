"""Delivery reports (RFC 3464, RFC 6522, RFC 6533), the one kind of clear text that others may send.

What passes is not the body that came, but one written from its parts: a text for people, the
status for programs, and the header of the message that could not be delivered. Everything else
stays behind: text around the parts, and the returned message itself, however long it is.
"""

from __future__ import annotations

import re
from typing import Final

from chatmaild.filter.mime.headers import Header, content_type, named, parse_block
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.mime.parts import Part, read_part
from chatmaild.filter.mime.transfer import IDENTITIES

LIMIT_BYTES: Final = 65_536  # of header and new body; programs write 3,000, Exchange up to 50,000

# Exchange writes text twice (multipart/alternative), Google with a picture (multipart/related)
_EXPLANATION: Final = frozenset({
    b"text/plain", b"text/html", b"multipart/alternative", b"multipart/related",
})  # fmt: skip
_STATUS: Final = frozenset({b"message/delivery-status", b"message/global-delivery-status"})
_RETURNED: Final = frozenset({
    b"message/rfc822", b"text/rfc822-headers", b"message/global", b"message/global-headers",
})  # fmt: skip
_EXPECTED: Final = (_EXPLANATION, _STATUS, _RETURNED)
_FEWEST_PARTS: Final = 2  # the third is optional

_EMPTY_LINES: Final = re.compile(rb"\r\n(?:[ \t]*\r\n)+")
_END_OF_HEADER: Final = b"\r\n\r\n"
_ACTION: Final = re.compile(rb"(?:failed|delayed|delivered|relayed|expanded)\b", re.IGNORECASE)
_STATUS_CODE: Final = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")  # RFC 3463 section 2
_ANYTHING: Final = re.compile(rb"[^ \t]")


def is_delivery_status(content: bytes) -> bool:
    """Whether it has fields about the message, then about one recipient or more.

    Source: RFC 3464 sections 2.2 and 2.3, the fields that are required there.
    """
    blocks = _EMPTY_LINES.split(content.strip(b"\r\n"))
    about_message, *about_recipients = map(parse_block, blocks)
    return (
        _has(about_message, b"reporting-mta", _ANYTHING)
        and bool(about_recipients)
        and all(
            _has(fields, b"final-recipient", _ANYTHING)
            and _has(fields, b"action", _ACTION)
            and _has(fields, b"status", _STATUS_CODE)
            for fields in about_recipients
        )
    )


def _has(fields: list[Header] | None, name: bytes, value: re.Pattern[bytes]) -> bool:
    return fields is not None and any(value.match(field.text) for field in named(fields, name))


class ReportWalk:
    """Reads a body as it arrives, and keeps what will be delivered of it."""

    __slots__ = ("_boundary", "_content", "_is_cut", "_left", "_multipart", "_part", "_parts")

    def __init__(self, boundary: bytes, left_bytes: int) -> None:
        self._boundary = boundary
        self._left = left_bytes
        self._multipart = Multipart(boundary, self)
        self._parts: list[bytes] = []
        self._part: tuple[bytes, Part] | None = None  # header of the part that has begun
        self._content = bytearray()
        self._is_cut = False  # the rest of the part stays behind

    @classmethod
    def of(cls, headers: list[Header]) -> ReportWalk | None:
        """What reads the body below that header; None where it does not announce a report."""
        found = content_type(headers)
        encodings = named(headers, b"content-transfer-encoding")
        if (
            found is None
            or found.media_type != b"multipart/report"
            or found.report_type != b"delivery-status"
            or found.boundary is None
            or any(header.text.lower() not in IDENTITIES for header in encodings)
        ):
            return None
        header_bytes = sum(len(header.name) + len(header.value) for header in headers)
        return cls(found.boundary, LIMIT_BYTES - header_bytes)

    def feed(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        self._multipart.feed(octets)

    def finish(self) -> bytes | None:
        """The new body, or None where it was no report."""
        if not self._multipart.finish() or len(self._parts) < _FEWEST_PARTS:
            return None
        delimiter = b"--" + self._boundary
        parts = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in self._parts)
        return parts + delimiter + b"--\r\n"

    # what `Multipart` tells

    def outside(self, _: bytes) -> bool:
        """Text around the parts is left out."""
        return True

    def begin(self, header: bytes) -> bool:
        """Take the header of a part."""
        part = read_part(header)
        if part is None or len(self._parts) == len(_EXPECTED):
            return False
        self._part = (header, part)
        self._content.clear()
        self._is_cut = False
        return part.media_type in _EXPECTED[len(self._parts)] and self._fits(len(header) + 100)

    def data(self, octets: bytes) -> bool:
        """Take content; behind the header of a returned message it stays behind."""
        if self._is_cut:
            return True
        before = len(self._content)
        self._content += octets
        if self._part is not None and self._part[1].media_type in _RETURNED:
            end = self._content.find(_END_OF_HEADER, max(0, before - len(_END_OF_HEADER)))
            self._is_cut = end >= 0
            if self._is_cut:
                del self._content[end + len(_END_OF_HEADER) :]
        return self._fits(len(self._content) - before)

    def end(self) -> bool:
        """The part is over."""
        assert self._part is not None
        header, part = self._part
        self._part = None
        content = bytes(self._content)
        if part.media_type in _EXPLANATION and _has_bare_breaks(content):
            return False  # readers disagree on where its lines end
        if part.media_type in _STATUS and not is_delivery_status(_decoded(content, part)):
            return False
        if part.media_type in _RETURNED:
            # an encoded message is against RFC 2046 section 5.2.1, and no header can be cut out
            if part.decoder is not None or parse_block(content.rstrip(b"\r\n")) is None:
                content, header = b"", b"Content-Type: text/rfc822-headers"
            elif content and not content.endswith(_END_OF_HEADER):
                content = content.rstrip(b"\r\n") + _END_OF_HEADER
        self._parts.append((header + b"\r\n" if header else b"") + b"\r\n" + content)
        return True

    def _fits(self, more_bytes: int) -> bool:
        self._left -= more_bytes
        return self._left >= 0


def _has_bare_breaks(content: bytes) -> bool:
    bare = content.replace(b"\r\n", b"")
    return b"\r" in bare or b"\n" in bare


def _decoded(content: bytes, part: Part) -> bytes:
    if part.decoder is None:
        return content
    decoder = part.decoder()
    decoded = decoder.feed(content) + decoder.finish()
    return b"" if decoder.failed else decoded
