"""What the header of a MIME part says (RFC 2045)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from chatmaild.filter.mime.headers import content_type, named, parse_block
from chatmaild.filter.mime.transfer import DECODERS, IDENTITIES, Decoder

# chat programs write the same few headers again and again; none is longer than a piece of a body
_REMEMBERED: Final = 64
_BARE: Final = frozenset({b"content-type", b"content-transfer-encoding", b"content-disposition"})
_BARE_BYTES: Final = 200  # twice what Delta Chat writes


class Part(NamedTuple):
    """Media type in lower case, and what undoes the encoding of the content, if it has one.

    ``is_bare`` tells that the header has no other fields, and no room for words in these.
    """

    media_type: bytes
    decoder: type[Decoder] | None
    is_bare: bool


@lru_cache(_REMEMBERED)
def read_part(block: bytes) -> Part | None:
    """Part with that header, given without the empty line behind it.

    None where it is malformed, contradicts itself or tells an unknown encoding. A NUL is malformed
    as well: Postfix cuts the line there, and then the signature of the sender does not fit.
    """
    headers = None if b"\0" in block else parse_block(block)
    if headers is None:
        return None
    found, encodings = content_type(headers), named(headers, b"content-transfer-encoding")
    encoding = encodings[0].text.lower() if encodings else b"7bit"
    decoder = DECODERS.get(encoding)
    if found is None or len(encodings) > 1 or (decoder is None and encoding not in IDENTITIES):
        return None
    is_bare = len(block) <= _BARE_BYTES and all(h.name.lower() in _BARE for h in headers)
    return Part(media_type=found.media_type, decoder=decoder, is_bare=is_bare)
