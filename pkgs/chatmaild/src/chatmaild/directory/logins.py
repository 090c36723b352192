"""Check passwords of Dovecot's logins at the store of the address; `accounts.dovecot` answers them.

A login costs one request: the store that probably has the account is asked, and checks the
password. If it has no such account, those that got it under an earlier placement are asked. If they
deny it, too, all other stores are searched. If none has it, the store that gets new addresses may
create it. The network of the client pays for the search as for a new address.
"""

import asyncio
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from chatmaild.accounts.dovecot import Accepted
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.refusals import Refusals
from chatmaild.address import Address
from chatmaild.directory import store_api
from chatmaild.directory.directory import Directory
from chatmaild.directory.store_api import Login
from chatmaild.directory.stores import Store
from chatmaild.errors import StoreDownError, StoreLostError


class _Given(NamedTuple):
    """What a client gave."""

    address: Address
    password: bytes
    ip: str


class Logins:
    """Verifies passwords, and finds the store that Dovecot passes the session on to.

    Args:
        domain: the domain of this relay; no other address may log in.
        refusals: gets the reasons for which first logins were refused.
        creations: limits first logins.
    """

    def __init__(
        self, directory: Directory, domain: str, refusals: Refusals, creations: Creations
    ) -> None:
        self._directory = directory
        self._domain = domain
        self._refusals = refusals
        self._creations = creations
        # a client opens several sessions at once, and its first login is one
        self._alone: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    async def check(self, address: Address, password: bytes, ip: str) -> Accepted | None:
        """Return the store of the account as `token`; None for a wrong password.

        Raises:
            StoreDownError: nothing can be decided now; a StoreLostError, not soon.
            TooManyError: the network has too many new addresses.
        """
        if address.domain != self._domain or address.account != address:
            return None
        given = _Given(address, password, ip)
        try:
            store, result = await self._at_likely(given) or await self._not_at_likely(given)
        except StoreDownError as error:
            likely = self._directory.likely(address)
            if likely is not None and likely.is_lost:
                raise StoreLostError(f"store {likely.name} is lost") from error
            raise
        if result.accepted:
            return Accepted(reason=result.reason, token=store.address)
        if result.reason:
            self._refusals.keep(address, password, result.reason)
        return None

    async def _at_likely(self, given: _Given) -> tuple[Store, Login] | None:
        return await self._directory.ask_likely(given.address, partial(_ask, given))

    async def _not_at_likely(self, given: _Given) -> tuple[Store, Login]:
        lock = self._alone.setdefault(given.address, asyncio.Lock())
        is_first = not lock.locked()
        async with lock:
            found = None if is_first else await self._at_likely(given)
            return found or await self._elsewhere(given)

    async def _elsewhere(self, given: _Given) -> tuple[Store, Login]:
        with self._creations.first_login(given.address, given.ip) as attempt:
            found = await self._directory.ask_others(given.address, partial(_ask, given))
            if found is not None:
                return found
            attempt.is_first = True
            store = self._directory.of_new(str(given.address))
            result = await store_api.login(store, *given, may_create=True)
        if result is None:
            raise StoreDownError("a first login creates the account")
        if result.accepted:
            self._directory.learn(given.address, store)
        return store, result


async def _ask(given: _Given, store: Store) -> Login | None:
    return await store_api.login(store, *given)
