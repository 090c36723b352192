"""The header of a MIME part: media type and transfer encoding (RFC 2045)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from chatmaild.filter.mime.headers import content_type, named, parse_block
from chatmaild.filter.mime.transfer import DECODERS, IDENTITIES, Decoder

# cached headers; chat clients repeat the same few, none longer than a piece of a body
_REMEMBERED: Final = 64
_MINIMAL_FIELDS: Final = frozenset(
    {b"content-type", b"content-transfer-encoding", b"content-disposition"}
)
_MINIMAL_HEADER_BYTES: Final = 200  # twice what Delta Chat writes


class Part(NamedTuple):
    """What the header of a part tells.

    Attributes:
        media_type: in lower case.
        decoder: class that decodes the content; None for 7bit, 8bit and binary.
        is_minimal: the header has no other fields, and no room for free text in these.
    """

    media_type: bytes
    decoder: type[Decoder] | None
    is_minimal: bool


@lru_cache(_REMEMBERED)
def read_part(block: bytes) -> Part | None:
    """Parse the header of a part; `block` ends before the empty line.

    None if it is malformed, contradictory or has an unknown encoding. A NUL is malformed: Postfix
    truncates the line there, which breaks the sender's signature.
    """
    headers = None if b"\0" in block else parse_block(block)
    if headers is None:
        return None
    found, encodings = content_type(headers), named(headers, b"content-transfer-encoding")
    encoding = encodings[0].text.lower() if encodings else b"7bit"
    decoder = DECODERS.get(encoding)
    if found is None or len(encodings) > 1 or (decoder is None and encoding not in IDENTITIES):
        return None
    is_minimal = len(block) <= _MINIMAL_HEADER_BYTES and all(
        h.name.lower() in _MINIMAL_FIELDS for h in headers
    )
    return Part(media_type=found.media_type, decoder=decoder, is_minimal=is_minimal)
