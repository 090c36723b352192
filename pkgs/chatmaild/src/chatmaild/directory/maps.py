"""Answer Postfix' socketmaps from the stores; `accounts.recipients` says what is asked.

The filter accepts mail for an address whose store does not answer, so that the other recipients get
it at once. Here it waits for the store, and what the filter does then is done: mail for a disabled
address is dropped, mail for an unknown one bounces. TEMP would let it wait, too, and write two
lines to the journal for each attempt.
"""

from typing import Final

from chatmaild.accounts import recipients
from chatmaild.address import Address
from chatmaild.directory.directory import Directory
from chatmaild.directory.outages import Outages
from chatmaild.directory.stores import Store
from chatmaild.errors import SearchLimitError, StoreDownError
from chatmaild.settings import Settings
from chatmaild.wire.socketmap import found

# RFC 3463 section 3.5: no answer from host
IN_DOUBT: Final = found("retry:4.4.1 The store of this address does not answer")
NOT_SEARCHED: Final = found("retry:4.4.5 Too many addresses are not at their place")
# as the filter removes such a recipient
DISABLED: Final = found("discard:disabled by the operator")


class Maps:
    """Answers of the socketmap protocol.

    Args:
        settings: have the domain whose addresses live on the stores.
        outages: are told when mail has to wait.
    """

    def __init__(self, settings: Settings, directory: Directory, outages: Outages) -> None:
        self._directory = directory
        self._domain = settings.mail_domain
        self._port = settings.ports.lmtp
        self._nobody = settings.accounts.nobody
        self._outages = outages

    async def look_up(self, name: str, key: str) -> str:
        """Return the answer for a map and a key; in doubt an address exists, and its mail waits."""
        wanted = recipients.asked(name, key, self._domain)
        if isinstance(wanted, str):
            return wanted
        is_transport = name == recipients.TRANSPORT
        # Postfix asks so to learn whether its maps are answered, and they are without any store
        if wanted.local == self._nobody:
            return recipients.answer(name, None)
        try:
            place = await self._directory.find(wanted)
        except StoreDownError as error:
            if not is_transport:
                return recipients.answer(name, "")
            return NOT_SEARCHED if isinstance(error, SearchLimitError) else self._in_doubt(wanted)
        if place is None or not place.state.usable:
            return recipients.answer(name, None)
        if place.state.disabled and is_transport:
            return DISABLED
        return recipients.answer(name, self._way(wanted, place.store))

    def _in_doubt(self, address: Address) -> str:
        likely = self._directory.likely(address)
        self._outages.waits(is_up=likely is not None and likely.is_up)
        return IN_DOUBT

    def _way(self, account: Address, store: Store) -> str:
        """Return transport and next hops.

        An account that belongs to another store may be there before its message comes. Then the
        first store does not take it for now, and Postfix asks the second one at once.
        """
        stores = [store, *filter(None, [self._directory.next_of(account, store)])]
        return "lmtp:" + ", ".join(f"inet:[{one.address}]:{self._port}" for one in stores)
