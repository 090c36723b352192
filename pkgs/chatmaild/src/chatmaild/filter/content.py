"""What a body is: encrypted, the opening of a secure join, or clear text.

A message is encrypted when it has the shape of RFC 3156 section 4 and nothing beside it.
"""

from __future__ import annotations

import enum
from typing import Final

from chatmaild.filter.armour import Armour
from chatmaild.filter.headers import Header, content_type, named, only_text
from chatmaild.filter.multipart import Multipart
from chatmaild.filter.transfer import IDENTITIES, Decoder, Identity, decoder

_BLANKS: Final = b" \t\r\n"
_SMALL_LIMIT: Final = 1024  # octets of a part of which a few words are expected
_SECURE_JOIN: Final = frozenset({b"vc-request", b"vg-request"})


class Content(enum.Enum):
    """What a body is."""

    ENCRYPTED = enum.auto()
    SECURE_JOIN = enum.auto()
    CLEAR = enum.auto()


class _SmallText:
    """A part of which only a few words are expected."""

    def __init__(self) -> None:
        self.text = b""

    def add(self, octets: bytes) -> bool:
        self.text += octets
        return len(self.text) <= _SMALL_LIMIT


class _EncryptedParts:
    """Exactly the two parts of RFC 3156: control information and encrypted data.

    ``strict`` refuses text outside of the parts and the Version line of the armour.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._count = 0
        self._control = _SmallText()
        self._armour = Armour(strict=strict)
        self._decoder: Decoder = Identity()

    def outside(self, octets: bytes) -> bool:
        return not self._strict or not octets.strip(_BLANKS)

    def begin(self, headers: list[Header]) -> bool:
        self._count += 1
        kinds = (b"application/pgp-encrypted", b"application/octet-stream")
        found, undo = content_type(headers), decoder(headers)
        if self._count > len(kinds) or found is None or undo is None:
            return False
        self._decoder = undo
        return found.media_type == kinds[self._count - 1]

    def data(self, octets: bytes) -> bool:
        return self._take(self._decoder.feed(octets))

    def end(self) -> bool:
        taken = self._take(self._decoder.finish())
        if self._count == 1:
            return taken and self._control.text.strip(_BLANKS) == b"Version: 1"
        return taken and self._armour.finish()

    def complete(self) -> bool:
        return self._count == 2

    def _take(self, content: bytes) -> bool:
        if self._decoder.failed:
            return False
        if self._count == 1:
            return self._control.add(content)
        self._armour.feed(content)
        return not self._armour.failed


class _SecureJoinParts:
    """One part of plain text that says nothing but the step of the protocol."""

    def __init__(self, step: bytes) -> None:
        self._step = step
        self._count = 0
        self._text = _SmallText()
        self._decoder: Decoder = Identity()

    def outside(self, octets: bytes) -> bool:
        return not octets.strip(_BLANKS)

    def begin(self, headers: list[Header]) -> bool:
        self._count += 1
        found, undo = content_type(headers), decoder(headers)
        if self._count > 1 or found is None or undo is None:
            return False
        self._decoder = undo
        return found.media_type == b"text/plain"

    def data(self, octets: bytes) -> bool:
        return self._text.add(self._decoder.feed(octets)) and not self._decoder.failed

    def end(self) -> bool:
        added = self._text.add(self._decoder.finish()) and not self._decoder.failed
        return added and self._text.text.strip(_BLANKS).lower() == b"secure-join: " + self._step

    def complete(self) -> bool:
        return self._count == 1


class ContentWalk:
    """Looks at a body as it arrives; keeps no more of it than some kilobytes."""

    __slots__ = ("_kind", "_multipart", "_parts")

    def __init__(self, headers: list[Header], *, strict: bool) -> None:
        self._multipart: Multipart | None = None
        self._parts: _EncryptedParts | _SecureJoinParts = _EncryptedParts(strict=strict)
        self._kind = Content.ENCRYPTED
        found, encodings = content_type(headers), named(headers, b"content-transfer-encoding")
        encoded = any(header.text.lower() not in IDENTITIES for header in encodings)
        if found is None or found.boundary is None or not found.is_multipart or encoded:
            return
        if found.media_type != b"multipart/encrypted":
            step = only_text(headers, b"secure-join")
            if step not in _SECURE_JOIN:
                return
            self._parts = _SecureJoinParts(step)
            self._kind = Content.SECURE_JOIN
        self._multipart = Multipart(found.boundary, self._parts)

    def feed(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        if self._multipart is not None:
            self._multipart.feed(octets)

    def finish(self) -> Content:
        """What the body was."""
        if self._multipart is None or not self._multipart.finish() or not self._parts.complete():
            return Content.CLEAR
        return self._kind
