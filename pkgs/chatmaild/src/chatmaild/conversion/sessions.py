"""End the sessions of accounts whose mailbox has moved."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings
from chatmaild.store.sessions import end_sessions

# Dovecot lists 10,000 sessions in less than a second
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class DovecotSessions:
    """Sessions of this relay's Dovecot."""

    settings: Settings
    program: str

    def end(self, addresses: Iterable[Address]) -> None:
        """Return after the sessions of these accounts have ended.

        Only accounts that have some are named to Dovecot: each call starts a process there.
        """
        users = self._users()
        for address in addresses:
            if users is None or str(address.account) in users:
                end_sessions(self.settings, address)

    def end_of(self, address: Address) -> None:
        """Return after the sessions of an account have ended."""
        end_sessions(self.settings, address)

    def _users(self) -> set[str] | None:
        """The accounts with sessions; None if Dovecot does not tell."""
        command = [self.program, "-f", "tab", "who", "-1"]
        try:
            done = subprocess.run(
                command, capture_output=True, check=True, text=True, timeout=_TIMEOUT_S
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return {line.partition("\t")[0] for line in done.stdout.splitlines()}
