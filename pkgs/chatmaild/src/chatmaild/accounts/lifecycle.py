"""Delete accounts: the one place that does."""

import contextlib
import time

from chatmaild.address import Address
from chatmaild.errors import BusyError
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.sessions import end_sessions
from chatmaild.store.tombstones import Tombstones


def delete(settings: Settings, address: Address, *, keep_name: bool) -> bool:
    """Delete an account with all its mail and end its sessions.

    Args:
        keep_name: whether nobody else gets the address for `deleteInactiveAfterDays`.

    Returns:
        Whether it was there.

    Raises:
        OSError: the account could not be deleted; its sessions continue.
    """
    mailboxes = Mailboxes.of(settings)
    # before the deletion: another first login must not come between the two
    if keep_name and mailboxes.exists(address):
        Tombstones.of(settings).add(address, now_s=time.time())
    deleted = mailboxes.delete(address)
    # also for a missing account: an earlier deletion may have died before this line
    end_sessions(settings, address)
    # a session may have made the directory again before it ended; the daily expiry tries again
    with contextlib.suppress(OSError, BusyError):
        mailboxes.remove_leftover(address)
    return deleted
