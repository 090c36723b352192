"""Delete accounts: the one place that does."""

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.sessions import end_sessions


def delete(settings: Settings, address: Address) -> bool:
    """Delete an account with all its mail and end its sessions.

    Returns:
        Whether it was there.

    Raises:
        OSError: the account could not be deleted; its sessions continue.
    """
    deleted = Mailboxes.of(settings).delete(address)
    # also for a missing account: an earlier deletion may have died before this line
    end_sessions(settings, address)
    return deleted
