"""Content classes of a body: encrypted, secure join or clear text (rules E1 and E2).

A body is encrypted if it has the structure of RFC 3156 section 4 and holds nothing else.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from chatmaild.filter.mime.headers import Header, content_type, named, only_text
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.mime.parts import read_part
from chatmaild.filter.mime.transfer import IDENTITIES, Decoder
from chatmaild.filter.openpgp.armour import ArmourReader

_BLANKS: Final = b" \t\r\n"
_SMALL_LIMIT: Final = 1024  # bytes; longer than any text that is expected
_SECURE_JOIN: Final = frozenset({b"vc-request", b"vg-request"})
# Postfix reads the whole header again for each removed field: 5000 removals took 2.4 s
_JOIN_FIELDS: Final = 200
_SPACE: Final = re.compile(rb"[ \t\r\n]+")
# Preambles that programs write for readers without MIME, whitespace folded: Thunderbird, Enigmail,
# GPGTools, Outlook, Claws Mail, S/MIME of Thunderbird, Postfix, Horde, Courier.
KNOWN_PREAMBLES: Final = re.compile(
    rb"This is an OpenPGP/MIME (?:encrypted|signed) message "
    rb"\(RFC [0-9]{4}(?: and [0-9]{4})?\)\.?"
    rb"|This is a (?:multi-?part|cryptographically (?:signed|encrypted)) message in MIME format"
    rb"(?:\.{0,3}|\. Your mail reader does not understand MIME message format\.)"
    rb"|This is a MIME-encapsulated message\.?"
    rb"|This message is in MIME format\."
    rb"|This is a MIME-formatted message\. If you see this text it means that your (?:E-mail|mail) "
    rb"software does not support MIME-formatted messages\."
)


class Content(enum.Enum):
    """The content class of a body."""

    ENCRYPTED = enum.auto()
    SECURE_JOIN = enum.auto()
    CLEAR = enum.auto()


class _FixedText:
    """Checks that a part holds one fixed text; whitespace around it is ignored."""

    __slots__ = ("_any_case", "_expected", "_text", "failed")

    def __init__(self, expected: bytes, *, any_case: bool = False) -> None:
        self.failed = False
        self._expected = expected
        self._any_case = any_case
        self._text = b""

    def feed(self, piece: bytes) -> None:
        self._text += piece
        self.failed = len(self._text) > _SMALL_LIMIT

    def finish(self) -> bool:
        text = self._text.strip(_BLANKS)
        return (text.lower() if self._any_case else text) == self._expected


class _SurroundingText:
    """Checks that preamble and epilogue are empty or a known sentence (RFC 2046 section 5.1.1)."""

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text = b""

    def feed(self, piece: bytes) -> bool:
        """Take the next piece; False if the text is too long for a known sentence."""
        text = self._text + piece
        if not text.strip(_BLANKS):
            return True
        self._text = _SPACE.sub(b" ", text).lstrip(b" ")
        return len(self._text) <= _SMALL_LIMIT

    def finish(self) -> bool:
        """Whether the text is allowed; then start with an empty text."""
        text, self._text = self._text.rstrip(b" "), b""
        return not text or KNOWN_PREAMBLES.fullmatch(text) is not None


class _ExpectedParts:
    """Checks that a multipart holds exactly the expected parts.

    Each expected part is a media type and the reader of its content. `strict` refuses free text
    in preamble and epilogue. `minimal_headers` refuses free text in the headers of the parts.
    """

    __slots__ = ("_count", "_decoder", "_expected", "_minimal_headers", "_outside", "_reader")

    def __init__(
        self,
        *expected: tuple[bytes, _FixedText | ArmourReader],
        strict: bool,
        minimal_headers: bool = False,
    ) -> None:
        self._expected = expected
        self._minimal_headers = minimal_headers
        self._outside = _SurroundingText() if strict else None
        self._count = 0
        self._decoder: Decoder | None = None
        self._reader = expected[0][1]

    def outside(self, piece: bytes) -> bool:
        return self._outside is None or self._outside.feed(piece)

    def begin(self, header: bytes) -> bool:
        part = read_part(header)
        if part is None or self._count == len(self._expected) or not self._finish_outside():
            return False
        media_type, self._reader = self._expected[self._count]
        self._count += 1
        self._decoder = None if part.decoder is None else part.decoder()
        return part.media_type == media_type and (part.is_minimal or not self._minimal_headers)

    def data(self, piece: bytes) -> bool:
        if self._decoder is not None:
            piece = self._decoder.feed(piece)
            if self._decoder.failed:
                return False
        self._reader.feed(piece)
        return not self._reader.failed

    def end(self) -> bool:
        if self._decoder is not None:
            self._reader.feed(self._decoder.finish())
            if self._decoder.failed:
                return False
        return self._reader.finish()

    def complete(self) -> bool:
        return self._count == len(self._expected) and self._finish_outside()

    def _finish_outside(self) -> bool:
        return self._outside is None or self._outside.finish()


class ContentReader:
    """Classifies a body that arrives in pieces; holds a few kilobytes at most.

    Call `begin` with the header, `feed` with each piece and `finish` once. `strict` applies the
    tighter form of rule E1 for submission.
    """

    __slots__ = ("_kind", "_multipart", "_parts")

    def __init__(self, *, strict: bool) -> None:
        self._kind = Content.ENCRYPTED
        self._parts = _ExpectedParts(
            (b"application/pgp-encrypted", _FixedText(b"Version: 1")),
            (b"application/octet-stream", ArmourReader(strict=strict)),
            strict=strict,
        )
        self._multipart: Multipart | None = None

    def begin(self, headers: list[Header]) -> None:
        """Take the header; it decides which parts to expect."""
        found, encodings = content_type(headers), named(headers, b"content-transfer-encoding")
        encoded = any(header.text.lower() not in IDENTITIES for header in encodings)
        if found is None or found.boundary is None or not found.is_multipart or encoded:
            return
        if found.media_type != b"multipart/encrypted":
            step = only_text(headers, b"secure-join")
            if step not in _SECURE_JOIN or len(headers) > _JOIN_FIELDS:
                return
            self._kind = Content.SECURE_JOIN
            text = _FixedText(b"secure-join: " + step, any_case=True)
            self._parts = _ExpectedParts((b"text/plain", text), strict=True, minimal_headers=True)
        self._multipart = Multipart(found.boundary, self._parts)

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        if self._multipart is not None:
            self._multipart.feed(piece)

    def finish(self) -> Content:
        """The content class of the complete body."""
        is_whole = self._multipart is not None and self._multipart.finish()
        return self._kind if is_whole and self._parts.complete() else Content.CLEAR
