"""A message between its arrival and its delivery: in memory, or in an unnamed temporary file.

It is stored because it may be offered twice, and because HTTP needs its length first.
"""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from types import TracebackType
from typing import IO, Self

# most chat messages are smaller; 500 smtp processes hold 32 MB at most
MEMORY_BYTES = 65536


class Message:
    """Collects a message, and reads it back any number of times.

    Attributes:
        size_bytes: bytes written so far.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._memory.clear()
        if self._file is not None:
            self._file.close()

    def write(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            OSError: no space for it.
        """
        self.size_bytes += len(piece)
        self._digest.update(piece)
        if self._file is None and self.size_bytes > MEMORY_BYTES:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
            self._file.write(self._memory)
            self._memory.clear()
        if self._file is None:
            self._memory += piece
        else:
            self._file.write(piece)

    @property
    def in_memory(self) -> bool:
        """Whether the message is held in memory."""
        return self._file is None

    @property
    def digest(self) -> bytes:
        """Return a digest of 16 bytes."""
        return self._digest.digest()

    def small_content(self) -> bytes:
        """Return the content of a message that is in memory."""
        return bytes(self._memory)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the content from its start."""
        if self._file is None:
            yield bytes(self._memory)
            return
        self._file.seek(0)
        while piece := self._file.read(MEMORY_BYTES):
            yield piece
