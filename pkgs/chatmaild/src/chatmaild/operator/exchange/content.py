"""Copy the content of a message file, uncompressed.

Upstream's Dovecot compresses what it stores (`zlib_save = gz`), and tells by the first two bytes
whether a file is compressed. Dovecot here does not compress, and would show the compressed bytes to
clients. The name has the size of the message itself (`S=`), so it can stay.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from chatmaild.errors import UntakenError

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS
_PIECE_BYTES: Final = 1 << 18
_DAMAGED: Final = "damaged compression"


def copy(
    descriptor: int, target: Path, *, limit_bytes: int, modified_s: float, durable: bool
) -> int:
    """Write the message of an open file to a new file; closes the file.

    Args:
        durable: whether it is on disk when this returns.

    Returns:
        The size of the message in bytes.

    Raises:
        UntakenError: it is larger than the limit, empty, or damaged; the target does not exist.
        OSError: the disk is full or fails; the target does not exist.
    """
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(written, "wb") as file:
                size_bytes = 0
                for piece in _pieces(source.read):
                    size_bytes += len(piece)
                    if size_bytes > limit_bytes:
                        raise UntakenError(f"a message larger than {limit_bytes} bytes")  # noqa: TRY301
                    file.write(piece)
                if not size_bytes:
                    raise UntakenError("empty")  # noqa: TRY301
                file.flush()
                os.utime(written, (modified_s, modified_s))
                if durable:
                    os.fsync(written)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return size_bytes


def _pieces(read: Callable[[int], bytes | None]) -> Iterator[bytes]:
    piece = read(_PIECE_BYTES) or b""
    if not piece.startswith(_GZIP_MAGIC):
        while piece:
            yield piece
            piece = read(_PIECE_BYTES) or b""
        return
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    try:
        while piece and not unpacker.eof:
            # a piece may unpack to a thousand times its size
            yield unpacker.decompress(piece, _PIECE_BYTES)
            piece = unpacker.unconsumed_tail or read(_PIECE_BYTES) or b""
    except zlib.error as error:
        raise UntakenError(_DAMAGED) from error
    if not unpacker.eof:
        raise UntakenError(_DAMAGED)


def sized_name(base: str, size_bytes: int) -> str:
    """A file name whose sizes are right; without sizes if they were not: Dovecot adds them.

    Dovecot believes `S=`, and reports a damaged message if the file has another size.
    """
    kept = [part for part in base.split(",") if not part.startswith(("S=", "W="))]
    if f"S={size_bytes}" in base.split(",") or len(kept) == base.count(",") + 1:
        return base
    return ",".join(kept)
