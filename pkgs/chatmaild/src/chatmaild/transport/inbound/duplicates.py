"""Recognises a message that is delivered again because the answer to the first time was lost.

A peer that did not hear our 250 sends the same message again, at once or when its queue runs. It
gets the first answer again, and the message is not delivered twice. Only what Postfix has taken
counts, so nothing can be lost; the memory is short and does not survive a restart, so a double is
still possible where SMTP has it, too (RFC 1047).
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from chatmaild.bounded import Bounded
from chatmaild.transport.envelope import Envelope
from chatmaild.wire.smtp_reply import Reply

# a stock Postfix comes again after 5, 10 and 20 minutes at first (minimal_backoff_time)
REMEMBER_S = 3600.0
# a bound, because anybody can fill this; each entry takes about 200 bytes
MAX_ENTRIES = 20_000


class Fingerprint:
    """Digest of an envelope, the client where it counts, and the content that follows.

    It means nothing outside of this process.
    """

    _KEY = secrets.token_bytes(32)

    def __init__(self, envelope: Envelope, client: object = None) -> None:
        head = "\n".join((envelope.sender, *sorted(envelope.recipients), "", str(client), ""))
        self._hash = hashlib.blake2b(head.encode(), key=self._KEY, digest_size=16)

    def feed(self, piece: bytes) -> None:
        """Add a piece of the content."""
        self._hash.update(piece)

    def digest(self) -> bytes:
        """16 octets."""
        return self._hash.digest()


class Duplicates:
    """What has been taken, and what is being taken right now.

    Args:
        clock_s: monotonic seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._taken: Bounded[bytes, tuple[float, Reply]] = Bounded(MAX_ENTRIES)
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def once(self, digest: bytes, take: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call `take` unless it succeeded for this digest before; its errors are not remembered."""
        lock = self._locks.setdefault(digest, asyncio.Lock())
        async with lock:
            taken_s, reply = self._taken.get(digest, (-REMEMBER_S, None))
            if reply is not None and self._clock_s() - taken_s < REMEMBER_S:
                return reply
            reply = await take()
            self._taken[digest] = (self._clock_s(), reply)
            return reply
