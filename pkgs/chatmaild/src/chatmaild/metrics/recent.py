"""The last messages of a process; the collector computes delivery times from them.

The filter notes when it accepted a message, the accounts service when Dovecot delivered one. The
collector matches both by a digest of the Message-ID. Nothing is written, and nothing is sent while
a message is processed.
"""

import hashlib
from collections import deque
from typing import Final

# one of eight messages, the same ones in each process
SAMPLED: Final = 8
# 15 s between two reads, at a thousand messages a second
SIZE: Final = 2048

Entry = tuple[str, float]


class Recent:
    """The last sampled messages: a digest, and a time on the monotonic clock of the machine."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=SIZE)

    def note(self, message_id: bytes, now_s: float) -> None:
        """Note a message, if it is one of those that are sampled."""
        found = hashlib.blake2b(message_id.strip(b"<> \t\r\n"), digest_size=8).digest()
        if found[0] % SAMPLED == 0:
            self._entries.append((found.hex(), now_s))

    def entries(self) -> list[Entry]:
        """Return the last messages, oldest first."""
        return list(self._entries)
