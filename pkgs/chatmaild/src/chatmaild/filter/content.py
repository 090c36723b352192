"""What a body is: encrypted, the opening of a secure join, or clear text.

A message is encrypted when it has the shape of RFC 3156 section 4 and nothing beside it.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from chatmaild.filter.mime.headers import Header, content_type, named, only_text
from chatmaild.filter.mime.multipart import Multipart
from chatmaild.filter.mime.parts import read_part
from chatmaild.filter.mime.transfer import IDENTITIES, Decoder
from chatmaild.filter.openpgp.armour import Armour

_BLANKS: Final = b" \t\r\n"
_SMALL_LIMIT: Final = 1024  # bytes of text of which a few words are expected
_SECURE_JOIN: Final = frozenset({b"vc-request", b"vg-request"})
# Postfix reads the whole header for each field that is removed: 5000 of them took it 2.4 s
_JOIN_FIELDS: Final = 200
_SPACE: Final = re.compile(rb"[ \t\r\n]+")
# What programs write for readers that do not know MIME, blanks folded: Thunderbird, Enigmail,
# GPGTools; Outlook, Claws Mail and others; S/MIME of Thunderbird; Postfix; Horde; Courier.
SENTENCES: Final = re.compile(
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
    """What a body is."""

    ENCRYPTED = enum.auto()
    SECURE_JOIN = enum.auto()
    CLEAR = enum.auto()


class _Words:
    """Content that is a few words and nothing else, blanks around them aside."""

    __slots__ = ("_any_case", "_expected", "_text", "failed")

    def __init__(self, expected: bytes, *, any_case: bool = False) -> None:
        self.failed = False
        self._expected = expected
        self._any_case = any_case
        self._text = b""

    def feed(self, octets: bytes) -> None:
        self._text += octets
        self.failed = len(self._text) > _SMALL_LIMIT

    def finish(self) -> bool:
        text = self._text.strip(_BLANKS)
        return (text.lower() if self._any_case else text) == self._expected


class _Outside:
    """Text before the first part or behind the last: nothing, or a sentence of a known program."""

    __slots__ = ("_text",)

    def __init__(self) -> None:
        self._text = b""

    def feed(self, octets: bytes) -> bool:
        """Take more of it; False where it has become too long for any sentence."""
        text = self._text + octets
        if not text.strip(_BLANKS):
            return True
        self._text = _SPACE.sub(b" ", text).lstrip(b" ")
        return len(self._text) <= _SMALL_LIMIT

    def finish(self) -> bool:
        """Whether that was right; the next text begins."""
        text, self._text = self._text.rstrip(b" "), b""
        return not text or SENTENCES.fullmatch(text) is not None


class _Parts:
    """Exactly the expected parts: of each its media type, and who reads its content.

    ``strict`` refuses free text outside of them, which readers ignore (RFC 2046 section 5.1.1),
    ``bare`` refuses any in their headers.
    """

    __slots__ = ("_bare", "_count", "_decoder", "_expected", "_outside", "_reader")

    def __init__(
        self, *expected: tuple[bytes, _Words | Armour], strict: bool, bare: bool = False
    ) -> None:
        self._expected = expected
        self._bare = bare
        self._outside = _Outside() if strict else None
        self._count = 0
        self._decoder: Decoder | None = None
        self._reader = expected[0][1]

    def outside(self, octets: bytes) -> bool:
        return self._outside is None or self._outside.feed(octets)

    def begin(self, header: bytes) -> bool:
        part = read_part(header)
        if part is None or self._count == len(self._expected) or not self._finish_outside():
            return False
        media_type, self._reader = self._expected[self._count]
        self._count += 1
        self._decoder = None if part.decoder is None else part.decoder()
        return part.media_type == media_type and (part.is_bare or not self._bare)

    def data(self, octets: bytes) -> bool:
        if self._decoder is not None:
            octets = self._decoder.feed(octets)
            if self._decoder.failed:
                return False
        self._reader.feed(octets)
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


class ContentWalk:
    """Looks at a body as it arrives; keeps no more of it than some kilobytes."""

    __slots__ = ("_kind", "_multipart", "_parts")

    def __init__(self, *, strict: bool) -> None:
        self._kind = Content.ENCRYPTED
        self._parts = _Parts(
            (b"application/pgp-encrypted", _Words(b"Version: 1")),
            (b"application/octet-stream", Armour(strict=strict)),
            strict=strict,
        )
        self._multipart: Multipart | None = None

    def begin(self, headers: list[Header]) -> None:
        """Take the header: it tells what to look for."""
        found, encodings = content_type(headers), named(headers, b"content-transfer-encoding")
        encoded = any(header.text.lower() not in IDENTITIES for header in encodings)
        if found is None or found.boundary is None or not found.is_multipart or encoded:
            return
        if found.media_type != b"multipart/encrypted":
            step = only_text(headers, b"secure-join")
            if step not in _SECURE_JOIN or len(headers) > _JOIN_FIELDS:
                return
            self._kind = Content.SECURE_JOIN
            words = _Words(b"secure-join: " + step, any_case=True)
            self._parts = _Parts((b"text/plain", words), strict=True, bare=True)
        self._multipart = Multipart(found.boundary, self._parts)

    def feed(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        if self._multipart is not None:
            self._multipart.feed(octets)

    def finish(self) -> Content:
        """What the body was."""
        is_whole = self._multipart is not None and self._multipart.finish()
        return self._kind if is_whole and self._parts.complete() else Content.CLEAR
