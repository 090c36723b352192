"""What people do, from the figures of a public relay: 500,000 addresses, 2 million messages a day.

Events are averages of a day, for each address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400
# a public relay
PUBLIC_ADDRESSES: Final = 500_000
PUBLIC_MESSAGES_A_DAY: Final = 2_000_000
PUBLIC_NEW_AN_HOUR: Final = 5_000
# of all addresses, at any time
WAITING_SHARE: Final = 0.25

# Not known of that relay: a phone changes its network some times a day, and connects again.
SESSION_HOURS: Final = 2.0

SESSIONS: Final = WAITING_SHARE * 24 / SESSION_HOURS
# each message is submitted in a session of its own: more than apps do, which keep one for a minute
SUBMISSIONS: Final = PUBLIC_MESSAGES_A_DAY / PUBLIC_ADDRESSES
# each to an address of the relay: more than on a relay that writes to others
DELIVERIES: Final = SUBMISSIONS
NEW: Final = PUBLIC_NEW_AN_HOUR * 24 / PUBLIC_ADDRESSES

# what a machine can take, see docs/scale.md
ADDRESSES_A_STORE: Final = 100_000
ADDRESSES_A_FRONT: Final = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One domain on several machines."""

    addresses: int
    fronts: int
    stores: int

    @property
    def logins_a_second(self) -> float:
        """IMAP and submission, at all fronts together."""
        return self.addresses * (SESSIONS + SUBMISSIONS) / DAY_S

    @property
    def messages_a_second(self) -> float:
        """Submitted at all fronts together, the average of a day."""
        return self.addresses * SUBMISSIONS / DAY_S

    @property
    def new_a_second(self) -> float:
        """People who come, at all fronts together."""
        return self.addresses * NEW / DAY_S

    @property
    def waiting(self) -> int:
        """Sessions that wait at all fronts together."""
        return round(self.addresses * WAITING_SHARE)


def sized(addresses: int) -> Relay:
    """A relay with as many machines as that many addresses need."""
    return Relay(
        addresses=addresses,
        fronts=max(2, addresses // ADDRESSES_A_FRONT),
        stores=max(2, addresses // ADDRESSES_A_STORE),
    )
