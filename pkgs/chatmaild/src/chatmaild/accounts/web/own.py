"""Make and delete addresses on this machine, for `endpoints`."""

import asyncio
import logging
import time
from typing import Final

from chatmaild import logs
from chatmaild.accounts import lifecycle
from chatmaild.accounts.credentials import random_address
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.login import Logins
from chatmaild.accounts.registration import RegistrationSwitch
from chatmaild.address import Address
from chatmaild.errors import BusyError, RegistrationRefused
from chatmaild.metrics import Counters
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites

_log = logging.getLogger(__name__)

# a name of nine random characters is free at the first attempt
MAX_NAME_ATTEMPTS: Final = 100


class OwnAccounts:
    """The accounts of this machine, see `endpoints.Accounts`."""

    def __init__(
        self, settings: Settings, logins: Logins, counters: Counters, creations: Creations
    ) -> None:
        self._settings = settings
        self._logins = logins
        self._counters = counters
        self._creations = creations
        self._invites = Invites.of(settings)
        self._switch = RegistrationSwitch(settings)

    async def new(self, token: str, password: str, _ip: str, /) -> Address:
        """Return a new address: created for an invite, else kept for its first login."""
        try:
            address = await self._new(token, password)
        except RegistrationRefused as refused:
            self._counters.add("registrations_refused", reason=refused.code)
            raise
        self._counters.add("addresses_offered")
        return address

    async def delete(self, address: Address, password: bytes, ip: str) -> bool:
        """Delete an account; return False if it does not exist or has another password."""
        if not await self._logins.is_right(address, password, ip):
            return False
        await asyncio.to_thread(lifecycle.delete, self._settings, address, keep_name=True)
        self._counters.add("addresses_deleted", by="person")
        _log.info("deleted an address at its owner's wish (%s)", logs.pseudonym(address))
        return True

    async def _new(self, token: str, password: str) -> Address:
        if token and (not self._switch.is_open or self._invites.get(token)):
            return await self._create_invited(token, password)
        self._switch.check_open()
        address = self._free_address()
        self._creations.offer(address)
        return address

    async def _create_invited(self, token: str, password: str) -> Address:
        self._switch.check_capacity()
        self._invites.redeem(token, now_s=time.time())
        try:
            return await self._create_free(password.encode())
        except BaseException:
            self._invites.give_back(token)
            raise

    async def _create_free(self, password: bytes) -> Address:
        address = self._free_address()
        while not await self._logins.create(address, password):
            address = self._free_address()
        return address

    def _free_address(self) -> Address:
        for _ in range(MAX_NAME_ATTEMPTS):
            address = random_address(self._settings)
            if self._logins.is_free(address):
                return address
        raise BusyError("no free name")
