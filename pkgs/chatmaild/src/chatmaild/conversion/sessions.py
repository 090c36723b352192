"""End the sessions of an account that is about to change its format."""

from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.sessions import end_sessions

# new sessions wait meanwhile; what has not ended then has the mailbox still locked (lease.py)
_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class DovecotSessions:
    """Sessions of this relay's Dovecot."""

    settings: Settings

    def end_of(self, address: Address) -> None:
        """Return after the sessions of an account have ended, or a second later."""
        end_sessions(self.settings, address, timeout_s=_TIMEOUT_S)
