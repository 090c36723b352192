"""Delivery reports of other servers (RFC 3464, RFC 6522, RFC 6533), accepted in clear text.

The report is rewritten from its parts: explanation, delivery status, and the header of the
returned message. Preamble, epilogue and the body of the returned message are dropped.
"""

from __future__ import annotations

import re
from typing import Final

from chatmaild.filter.mime.headers import Header, content_type, named, parse_block
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.mime.parts import Part, read_part
from chatmaild.filter.mime.transfer import IDENTITIES

LIMIT_BYTES: Final = 65_536  # header and new body; MTAs write 3,000 bytes, Exchange up to 50,000

# Exchange writes two texts (multipart/alternative), Google a picture (multipart/related)
_EXPLANATION: Final = frozenset({
    b"text/plain", b"text/html", b"multipart/alternative", b"multipart/related",
})  # fmt: skip
_STATUS: Final = frozenset({b"message/delivery-status", b"message/global-delivery-status"})
_RETURNED: Final = frozenset({
    b"message/rfc822", b"text/rfc822-headers", b"message/global", b"message/global-headers",
})  # fmt: skip
_EXPECTED: Final = (_EXPLANATION, _STATUS, _RETURNED)
_MIN_PARTS: Final = 2  # the returned message is optional

_EMPTY_LINES: Final = re.compile(rb"\r\n(?:[ \t]*\r\n)+")
_END_OF_HEADER: Final = b"\r\n\r\n"
_ACTION: Final = re.compile(rb"(?:failed|delayed|delivered|relayed|expanded)\b", re.IGNORECASE)
_STATUS_CODE: Final = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}\b")  # RFC 3463 section 2
_ANYTHING: Final = re.compile(rb"[^ \t]")


def is_delivery_status(content: bytes) -> bool:
    """Whether content has the required per-message and per-recipient fields of a status.

    Source: RFC 3464 sections 2.2 and 2.3.
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


class ReportReader:
    """Reads a report that arrives in pieces and rewrites its body.

    It is the `PartReader` of its own `Multipart`.
    """

    __slots__ = (
        "_boundary",
        "_content",
        "_left_bytes",
        "_multipart",
        "_part",
        "_parts",
        "_skip_rest",
    )

    def __init__(self, boundary: bytes, left_bytes: int) -> None:
        self._boundary = boundary
        self._left_bytes = left_bytes
        self._multipart = Multipart(boundary, self)
        self._parts: list[bytes] = []
        self._part: tuple[bytes, Part] | None = None  # header of the part that has begun
        self._content = bytearray()
        self._skip_rest = False  # the rest of the part is dropped

    @classmethod
    def of(cls, headers: list[Header]) -> ReportReader | None:
        """A reader for the body of that header; None if the header announces no report."""
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

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        self._multipart.feed(piece)

    def finish(self) -> bytes | None:
        """The new body; None if the body was no report."""
        if not self._multipart.finish() or len(self._parts) < _MIN_PARTS:
            return None
        delimiter = b"--" + self._boundary
        parts = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in self._parts)
        return parts + delimiter + b"--\r\n"

    # methods of `PartReader`

    def outside(self, _: bytes) -> bool:
        """Drop preamble and epilogue."""
        return True

    def begin(self, header: bytes) -> bool:
        """Check the header of a part."""
        part = read_part(header)
        if part is None or len(self._parts) == len(_EXPECTED):
            return False
        self._part = (header, part)
        self._content.clear()
        self._skip_rest = False
        return part.media_type in _EXPECTED[len(self._parts)] and self._fits(len(header) + 100)

    def data(self, piece: bytes) -> bool:
        """Take content; the body of a returned message is dropped."""
        if self._skip_rest:
            return True
        before = len(self._content)
        self._content += piece
        if self._part is not None and self._part[1].media_type in _RETURNED:
            end = self._content.find(_END_OF_HEADER, max(0, before - len(_END_OF_HEADER)))
            self._skip_rest = end >= 0
            if self._skip_rest:
                del self._content[end + len(_END_OF_HEADER) :]
        return self._fits(len(self._content) - before)

    def end(self) -> bool:
        """Check the content of the part and keep it."""
        assert self._part is not None
        header, part = self._part
        self._part = None
        content = bytes(self._content)
        if part.media_type in _EXPLANATION and _has_bare_cr_or_lf(content):
            return False  # mail readers disagree on its line ends
        if part.media_type in _STATUS and not is_delivery_status(_decoded(content, part)):
            return False
        if part.media_type in _RETURNED:
            # RFC 2046 section 5.2.1 forbids an encoding here; it would hide the header
            if part.decoder is not None or parse_block(content.rstrip(b"\r\n")) is None:
                content, header = b"", b"Content-Type: text/rfc822-headers"
            elif content and not content.endswith(_END_OF_HEADER):
                content = content.rstrip(b"\r\n") + _END_OF_HEADER
        self._parts.append((header + b"\r\n" if header else b"") + b"\r\n" + content)
        return True

    def _fits(self, more_bytes: int) -> bool:
        self._left_bytes -= more_bytes
        return self._left_bytes >= 0


def _has_bare_cr_or_lf(content: bytes) -> bool:
    bare = content.replace(b"\r\n", b"")
    return b"\r" in bare or b"\n" in bare


def _decoded(content: bytes, part: Part) -> bytes:
    if part.decoder is None:
        return content
    decoder = part.decoder()
    decoded = decoder.feed(content) + decoder.finish()
    return b"" if decoder.failed else decoded
