"""Make and delete addresses on the stores, for `accounts.web.endpoints`.

A new address gets a random name, so one is drawn whose store is up and takes new addresses.
"""

import asyncio
import contextlib
from functools import partial
from typing import Final

from chatmaild.accounts.credentials import random_address
from chatmaild.accounts.limits.creations import Creations
from chatmaild.address import Address
from chatmaild.directory import store_api
from chatmaild.directory.directory import Directory
from chatmaild.directory.stores import Store
from chatmaild.errors import BusyError, RegistrationRefused, SearchLimitError, StoreDownError
from chatmaild.settings import Settings

# enough to meet each of a few stores, also where one has a hundredth of the weight
MOST_NAMES: Final = 500
# nginx waits for 60 s, a person not as long
LONGEST_S: Final = 10.0
# the state of one store: another may take the address
_OF_ONE_STORE: Final = frozenset(("stopped", "overloaded"))


class StoredAccounts:
    """The accounts of all stores, see `accounts.web.endpoints.Accounts`."""

    def __init__(self, settings: Settings, directory: Directory, creations: Creations) -> None:
        self._settings = settings
        self._directory = directory
        self._creations = creations

    async def new(self, token: str, password: str, _ip: str, /) -> Address:
        """Return a new address: created for an invite, else kept for its first login."""
        if not token:
            return await self._new(password, "")
        try:
            store = await self._redeem(token)
        except RegistrationRefused as refused:
            if refused.code != "invite-unknown":
                raise
            return await self._new_without(refused, password)
        try:
            return await self._new(password, token)
        except BaseException:
            with contextlib.suppress(StoreDownError):
                await store_api.give_back(store, token)
            raise

    async def delete(self, address: Address, password: bytes, ip: str) -> bool:
        """Delete an account; return False if it does not exist or has another password."""
        if address.domain != self._settings.mail_domain:
            return False
        ask = partial(store_api.delete, address=address, password=password, ip=ip)
        found = await self._directory.ask_likely(address, ask)
        if found is None:
            found = await self._directory.ask_others(address, ask)
        if found is None or not found[1]:
            return False
        self._directory.forget(address)
        return True

    async def _redeem(self, token: str) -> Store:
        """Count a use of an invite, at the store that has it.

        Raises:
            RegistrationRefused: `invite-unknown`, `invite-expired` or `invite-used`.
            StoreDownError: a store that may have it does not answer.
        """
        for store in self._directory.winners(token):
            code = await store_api.redeem(store, token)
            if code is None:
                return store
            if code != "invite-unknown":
                raise RegistrationRefused(code)
        raise RegistrationRefused("invite-unknown")

    async def _new_without(self, refused: RegistrationRefused, password: str) -> Address:
        """Return an address although there is no such invite: an open relay needs none."""
        try:
            return await self._new(password, "")
        except RegistrationRefused as other:
            raise refused if other.code == "closed" else other from None

    async def _new(self, password: str, invite: str) -> Address:
        try:
            async with asyncio.timeout(LONGEST_S):
                address = await self._draw(password, invite)
        except TimeoutError as error:
            # a BusyError is one, too
            raise error if isinstance(error, BusyError) else BusyError("slow stores") from error
        if not invite:
            self._creations.offer(address)
        return address

    async def _draw(self, password: str, invite: str) -> Address:
        refused: RegistrationRefused | None = None
        unwilling: set[str] = set()
        for _ in range(MOST_NAMES):
            address = random_address(self._settings)
            store = self._directory.of_new(str(address))
            if store.name in unwilling or not store.is_up:
                continue
            if not await self._is_free(address, is_made_now=bool(invite)):
                continue
            try:
                if await store_api.new(store, address, password, invite):
                    return address
            except StoreDownError:
                unwilling.add(store.name)
            except RegistrationRefused as error:
                if error.code not in _OF_ONE_STORE:
                    raise
                refused = error
                unwilling.add(store.name)
        raise refused or BusyError("no store takes a new address now")

    async def _is_free(self, address: Address, *, is_made_now: bool) -> bool:
        """Return whether no store has the address; False in doubt: there are other names.

        Without an invite the first login makes it, and searches all stores. So here it is enough
        to ask those that probably have it.

        Raises:
            SearchLimitError: another name has to wait, too.
        """
        try:
            if is_made_now:
                return await self._directory.find_now(address) is None
            ask = partial(store_api.account, address=address)
            return await self._directory.ask_likely(address, ask) is None
        except SearchLimitError:
            raise
        except StoreDownError:
            return False
