"""Headers of deleted messages in Dovecot's cache files.

`dovecot.index.cache` holds From, To, Date and Message-ID of messages, also of expunged ones until
Dovecot rewrites it. Dovecot makes a missing file anew, and open sessions continue.
"""

import struct
from pathlib import Path
from typing import Final

NAME: Final = "dovecot.index.cache"
# Start of the file (lib-index/mail-cache-private.h of Dovecot): version, sizes, index ID, sequence,
# records, used size, deleted records. Native byte order.
_HEADER: Final = struct.Struct("=4xIIIII")


def remove_caches(mailbox: Path, *, all_of_them: bool) -> None:
    """Remove the caches of a mailbox that hold deleted messages.

    Args:
        mailbox: directory of an account.
        all_of_them: messages were deleted without Dovecot, which has not counted them.
    """
    for folder in (mailbox, *mailbox.glob(".*/")):
        cache = folder / NAME
        if all_of_them or _has_deleted(cache):
            cache.unlink(missing_ok=True)


def _has_deleted(cache: Path) -> bool:
    """Whether a cache holds deleted messages; True for a file that cannot be read as one."""
    try:
        with cache.open("rb") as file:
            head = file.read(_HEADER.size)
    except FileNotFoundError:
        return False
    return len(head) < _HEADER.size or _HEADER.unpack(head)[-1] > 0
