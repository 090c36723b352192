"""Check passwords; the first login of an address creates its account."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from chatmaild import logs
from chatmaild.accounts.limits.automatic import Automatic, is_automatic, part_of_machine
from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.limits.guesses import Guesses
from chatmaild.accounts.refusals import Refusals
from chatmaild.accounts.registration import RegistrationSwitch, check_name, check_not_deleted
from chatmaild.accounts.reserved import RESERVED
from chatmaild.address import Address, limit_problem
from chatmaild.errors import BusyError, RegistrationRefused, TooManyError
from chatmaild.metrics import Counters
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import (
    VerifiedCredentials,
    hash_password,
    is_outdated,
    verify_password,
)
from chatmaild.store.tombstones import Tombstones

_log = logging.getLogger(__name__)

T = TypeVar("T")

# a hash occupies a core, a creation waits for the disk, which takes several writes at once
THREADS: Final = 8
# one second of work for one core; further requests get BusyError
MAX_WAITING: Final = 400
# a hash takes 0.7 ms, and MAX_WAITING of them 0.3 s
UNDECIDED_S: Final = 0.02
AUTOMATIC: Final = "automatic"


class Logins:
    """Verifies passwords, creates accounts, records the day of the login.

    Args:
        creations: limits first logins; None on a store, whose fronts do it.
    """

    def __init__(
        self,
        settings: Settings,
        counters: Counters,
        creations: Creations | None,
        guesses: Guesses,
    ) -> None:
        self._domain = settings.mail_domain
        self._limits = settings.accounts
        self._mailboxes = Mailboxes.of(settings)
        self._switch = RegistrationSwitch(settings)
        self._verified = VerifiedCredentials()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        # the lock of each address that is being created, and how many tasks hold or want it
        self._creating: dict[Address, tuple[asyncio.Lock, int]] = {}
        self._waiting = 0
        self._counters = counters
        self._creations = creations
        self._automatic = Automatic(part_of_machine(settings))
        self._guesses = guesses
        self._tombstones = Tombstones.of(settings)
        self.refusals = Refusals()

    async def login(self, address: Address, password: bytes, ip: str) -> bool:
        """Return whether the address may log in; a first login creates the account.

        Raises:
            TooManyError: wrong passwords, or new addresses, of this IP address's network.
            BusyError: too many requests wait already.
            OSError: the disk fails.
        """
        found = await self.login_existing(address, password, ip)
        return await self._first_login(address, password, ip) if found is None else found

    async def login_existing(self, address: Address, password: bytes, ip: str) -> bool | None:
        """Return whether the address may log in; None if there is no such account.

        Raises:
            TooManyError: wrong passwords of this IP address's network.
            BusyError: too many requests wait already.
            OSError: the disk fails.
        """
        if address.domain != self._domain or address.account != address:
            return False
        encoded = self._mailboxes.password_hash(address)
        return None if encoded is None else await self._verify(address, password, encoded, ip)

    async def confirm(self, address: Address, password: bytes) -> bool | None:
        """Return whether a login that was accepted lately still may log in; None as above.

        It has no limit, and is neither counted nor recorded: the first check was.

        Raises:
            BusyError: too many requests wait already.
            OSError: the disk fails.
        """
        if address.account != address:
            return False
        encoded = self._mailboxes.password_hash(address)
        if encoded is None:
            return None
        return bool(encoded) and await self._is_right(address, password, encoded)

    async def is_right(self, address: Address, password: bytes, ip: str) -> bool:
        """Return whether the address exists and has this password; create nothing.

        Raises:
            TooManyError: wrong passwords of this IP address's network.
            BusyError: too many requests wait already.
        """
        encoded = self._mailboxes.password_hash(address)
        return bool(encoded) and await self._matches(address, password, encoded or "", ip)

    async def create(self, address: Address, password: bytes) -> bool:
        """Create the account unless it exists; the caller has checked that it may.

        Raises:
            BusyError: too many requests wait already.
        """
        encoded = await self._in_thread(self._make, address, password)
        if encoded is None:
            return False
        self._verified.add(address, password, encoded)
        self._counters.add("addresses_created", kind=kind_of_new(address, password))
        _log.info("created an address (%s)", logs.pseudonym(address))
        return True

    def is_free(self, address: Address) -> bool:
        """Whether an account of this name can be created: not reserved, taken or deleted lately."""
        if address.local in RESERVED or self._mailboxes.exists(address):
            return False
        return not self._tombstones.has(address, now_s=time.time())

    def close(self) -> None:
        """Wait for the threads to end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _verify(self, address: Address, password: bytes, encoded: str, ip: str) -> bool:
        if not encoded or not await self._matches(address, password, encoded, ip):
            self._counters.add("logins", result="refused")
            return False
        self._mailboxes.record_login(address, now_s=time.time())
        self._counters.add("logins", result="accepted")
        return True

    async def _matches(self, address: Address, password: bytes, encoded: str, ip: str) -> bool:
        while True:
            try:
                with self._guesses.attempt(address, ip) as attempt:
                    right = await self._is_right(address, password, encoded)
                    attempt.is_wrong = not right
            except TooManyError:
                if not self._guesses.is_undecided(ip):
                    self._counters.add("logins", result="slowed")
                    raise
                await asyncio.sleep(UNDECIDED_S)
            else:
                return right

    async def _is_right(self, address: Address, password: bytes, encoded: str) -> bool:
        if (address, password, encoded) in self._verified:
            return True
        if not await self._in_thread(verify_password, password, encoded):
            return False
        if is_outdated(encoded):
            encoded = await self._in_thread(self._rehash, address, password, encoded)
        self._verified.add(address, password, encoded)
        return True

    async def _first_login(self, address: Address, password: bytes, ip: str) -> bool:
        if limit_problem(address.local, password.decode("utf-8", "replace"), self._limits):
            return False
        async with self._alone(address):
            encoded = self._mailboxes.password_hash(address)
            if encoded is None:
                try:
                    if await self._create_first(address, password, ip):
                        return True
                except RegistrationRefused as refused:
                    self._counters.add("registrations_refused", reason=refused.code)
                    self.refusals.add(address, password, refused.code)
                    return False
                # another process created it, so the password given there counts
                encoded = self._mailboxes.password_hash(address) or ""
            return await self._verify(address, password, encoded, ip)

    async def _create_first(self, address: Address, password: bytes, ip: str) -> bool:
        """Create the account of a first login; return False if it exists meanwhile.

        Raises:
            RegistrationRefused: see `registration` and `limits.automatic`.
            TooManyError: the network has too many new addresses.
        """
        check_name(address)
        check_not_deleted(address, self._tombstones)
        self._switch.check_open()
        by_itself = kind_of_new(address, password) == AUTOMATIC
        with self._automatic.creation() if by_itself else contextlib.nullcontext():
            if self._creations is not None:
                self._creations.pay_first_login(address, ip)
            return await self.create(address, password)

    @contextlib.asynccontextmanager
    async def _alone(self, address: Address) -> AsyncIterator[None]:
        """Serialize the first logins of an address."""
        lock, users = self._creating.get(address, (asyncio.Lock(), 0))
        self._creating[address] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._creating.pop(address)
            if users > 1:
                self._creating[address] = (lock, users - 1)

    def _rehash(self, address: Address, password: bytes, verified: str) -> str:
        """Replace an outdated hash; return the new one, or the old one if it changed meanwhile."""
        encoded = hash_password(password)
        now_s = time.time()
        done = self._mailboxes.set_password_hash(address, encoded, now_s=now_s, instead_of=verified)
        return encoded if done else verified

    def _make(self, address: Address, password: bytes) -> str | None:
        """Create the account and return its hash; None when it exists."""
        encoded = hash_password(password)
        return encoded if self._mailboxes.create(address, encoded, now_s=time.time()) else None

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= MAX_WAITING:
            raise BusyError("too many logins at once")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, lambda: call(*arguments))
        finally:
            self._waiting -= 1


def kind_of_new(address: Address, password: bytes) -> str:
    """Return the kind of a new address: `automatic` if a client made it by itself."""
    kind = kind_of_address(address)
    return AUTOMATIC if kind == "user" and is_automatic(password) else kind


def kind_of_address(address: Address) -> str:
    """Return `ci` for addresses of automatic tests, which begin with `ci-`, else `user`."""
    return "ci" if address.local.startswith("ci-") else "user"
