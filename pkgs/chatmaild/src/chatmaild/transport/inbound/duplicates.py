"""Recognise a message that a peer sends again because our answer was lost.

The peer gets the first answer again, and the message is not delivered twice. Only messages that
Postfix accepted count, so none is lost. The memory is short and does not survive a restart, so
duplicates remain possible, as in SMTP (RFC 1047).
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

from chatmaild.bounded import Bounded
from chatmaild.transport.envelope import Envelope
from chatmaild.wire.smtp.reply import Reply

# a stock Postfix retries after 5, 10 and 20 minutes at first (minimal_backoff_time)
REMEMBER_S: Final = 3600.0
# any peer can fill this; an entry takes about 200 bytes
MAX_ENTRIES: Final = 20_000


class Fingerprint:
    """Digest of an envelope, the client where it counts, and the content.

    The key is random, so the digest is of use in this process alone.
    """

    _KEY = secrets.token_bytes(32)

    def __init__(self, envelope: Envelope, client: object = None) -> None:
        head = "\n".join((envelope.sender, *sorted(envelope.recipients), "", str(client), ""))
        self._hash = hashlib.blake2b(head.encode(), key=self._KEY, digest_size=16)

    def feed(self, piece: bytes) -> None:
        """Add a piece of the content."""
        self._hash.update(piece)

    def digest(self) -> bytes:
        """Return 16 bytes."""
        return self._hash.digest()


class Duplicates:
    """The accepted messages, and those that are being accepted.

    Args:
        clock_s: monotonic seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._taken: Bounded[bytes, tuple[float, Reply]] = Bounded(MAX_ENTRIES)
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def once(self, digest: bytes, take: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call `take` unless it succeeded for this digest before; errors are not remembered."""
        lock = self._locks.setdefault(digest, asyncio.Lock())
        async with lock:
            taken_s, reply = self._taken.get(digest, (-REMEMBER_S, None))
            if reply is not None and self._clock_s() - taken_s < REMEMBER_S:
                return reply
            reply = await take()
            self._taken[digest] = (self._clock_s(), reply)
            return reply
