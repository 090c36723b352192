"""What happens to an account as a whole: the one place that deletes."""

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.sessions import end_sessions


def delete(settings: Settings, address: Address) -> bool:
    """Delete an account with all its mail and end its sessions.

    Returns:
        Whether it was there.

    Raises:
        OSError: it could not be deleted; its sessions go on.
    """
    deleted = Mailboxes.of(settings).delete(address)
    # also when it was not there: an earlier deletion may have died before this line
    end_sessions(settings, address)
    return deleted
