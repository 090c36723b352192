"""Find the store of an address, and the state of its account there.

`placement` says which store gets a new address. An address may be elsewhere: it was made under an
earlier placement, or moved. So the winners of all placements are asked, the newest first. Only
addresses that are not at the first winner are remembered; a store that denies one is not believed
to be the last, the winners are asked anew.

If all of them deny an address, all other stores are asked at once: the operator may have forgotten
an earlier placement, and then a first login would make the address a second time. `searches` bounds
that, because each costs as many questions as there are stores. Beyond it nothing is known.

A store that gives no answer may have the address if it is a winner, or had it before: then nothing
is known, and mail waits. Any other store cannot have it, and is ignored. An account that leaves a
store may be at another one, which was asked before: all are asked again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from chatmaild.address import Address
from chatmaild.bounded import Bounded
from chatmaild.directory import store_api
from chatmaild.directory.placement import Placement, winners
from chatmaild.directory.searches import Purpose, Searches
from chatmaild.directory.store_api import AccountState
from chatmaild.directory.stores import Store, Stores
from chatmaild.errors import LeavingError, StoreDownError
from chatmaild.metrics import Counters

T = TypeVar("T")

# 200 bytes each
MOST_REMEMBERED: Final = 50000
# Postfix, the filter and Postfix' queue manager ask about a recipient within a second; the
# operator's flags are in force after this time
FRESH_S: Final = 2.0
# Postfix' queue manager looks up one recipient after the other. The filter waits for 2 s.
FIND_S: Final = 1.5
# 300 bytes each; more than a front looks up within this time
MOST_FRESH: Final = 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an account is, and its state."""

    store: Store
    state: AccountState


# of a look-up; an error says why it cannot be decided
_Outcome = Place | StoreDownError | None


class Directory:
    """Knows the stores of addresses; `+tags` do not matter.

    Args:
        placements: weights of the stores by name, the newest placement first.
    """

    def __init__(
        self,
        stores: Stores,
        placements: Sequence[Mapping[str, float]],
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = stores
        # an earlier placement may name a store that is gone
        self._placements = [Placement(_without_missing(each, stores)) for each in placements]
        self._searches = Searches(len(stores), counters, clock)
        self._counters = counters
        self._clock = clock
        self._remembered: Bounded[str, str] = Bounded(MOST_REMEMBERED)
        self._fresh: Bounded[str, tuple[float, _Outcome]] = Bounded(MOST_FRESH)
        self._running: dict[str, asyncio.Task[_Outcome]] = {}
        stores.on_change(lambda *_: self._fresh.clear())

    def of_new(self, name: str) -> Store:
        """Return the store that gets a new address, or the invites, of this name.

        Raises:
            StoreDownError: no store takes new addresses.
        """
        found = self._placements[0].winner(name) if self._placements else None
        if found is None:
            raise StoreDownError("no store takes new addresses")
        return self._stores[found]

    def next_of(self, address: Address, store: Store) -> Store | None:
        """Return the store to which an account moves from a store; None if it stays there."""
        found = next(self.winners(_key(address)), None)
        return None if found is store else found

    def winners(self, name: str) -> Iterator[Store]:
        """Yield the stores that may have got this name, the newest placement first."""
        return (self._stores[store] for store in winners(name, self._placements))

    async def find(self, address: Address) -> Place | None:
        """Return where an account is, for mail; None if no store has it. Both may be 2 s old.

        Raises:
            StoreDownError: that cannot be decided now, or within 1.5 s.
        """
        until_s, outcome = self._fresh.get(_key(address), (0.0, None))
        if self._clock() >= until_s:
            likely = self.likely(address)
            if likely is not None and likely.is_slow:
                raise StoreDownError(f"store {likely.name} does not answer its watch")
            try:
                async with asyncio.timeout(FIND_S):
                    outcome = await self._shared(address)
            except TimeoutError as error:
                raise StoreDownError("a store that may have the address is slow") from error
        else:
            self._counters.add("directory_cached")
        if isinstance(outcome, StoreDownError):
            raise outcome.with_traceback(None)
        return outcome

    async def find_now(self, address: Address) -> Place | None:
        """Return the same for people, asked now and not kept: an unknown address is made now.

        Raises:
            StoreDownError: that cannot be decided now.
        """
        return await self._look_up(address.account, "people")

    async def ask_likely(
        self, address: Address, ask: Callable[[Store], Awaitable[T | None]]
    ) -> tuple[Store, T] | None:
        """Ask the stores that probably have an account, one after the other; None if none has it.

        Args:
            ask: returns None if a store does not have the account.

        Raises:
            StoreDownError: one of them cannot be asked, and no other has the account.
        """
        try:
            return await store_api.settled(lambda: self._ask_likely(_key(address), ask))
        except LeavingError:
            # for a store that is no winner: the operator has yet to change this front
            if found := await self.ask_others(address, ask):
                return found
            raise

    async def ask_others(
        self, address: Address, ask: Callable[[Store], Awaitable[T | None]]
    ) -> tuple[Store, T] | None:
        """Search all stores but the winners, and ask the one that has the account, for people.

        Raises:
            StoreDownError: that cannot be decided now, or `ask` raises it.
        """
        place = await self._search(address.account, "people")
        if place is None:
            return None
        answer = await ask(place.store)
        if answer is None:
            self.forget(address)
            raise StoreDownError("the account moves from one store to another")
        return place.store, answer

    def likely(self, address: Address) -> Store | None:
        """Return the store that is asked first about an address; None without stores."""
        return next(self._candidates(_key(address.account)), None)

    def learn(self, address: Address, store: Store) -> None:
        """Remember that an account is at a store."""
        self.forget(address)
        self._remember(_key(address), store)

    def forget(self, address: Address) -> None:
        """Forget what is known about an address: it changed."""
        key = _key(address)
        self._remembered.pop(key, None)
        self._fresh.pop(key, None)
        # its result may be older than the change
        self._running.pop(key, None)

    def _remember(self, key: str, store: Store) -> None:
        if store is next(self.winners(key), None):
            self._remembered.pop(key, None)
        else:
            self._remembered[key] = store.name

    async def _shared(self, address: Address) -> _Outcome:
        key = _key(address)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run(key, address.account))
        # a client that leaves ends no look-up that others share
        return await asyncio.shield(task)

    async def _run(self, key: str, account: Address) -> _Outcome:
        outcome: _Outcome
        try:
            outcome = await self._look_up(account, "mail")
        except StoreDownError as error:
            outcome = error
        finally:
            is_current = self._running.get(key) is asyncio.current_task()
            if is_current:
                del self._running[key]
        if is_current:
            # mail to a disabled address is dropped: not for 2 s longer than the operator wants
            is_dropped = isinstance(outcome, Place) and outcome.state.disabled
            if not is_dropped:
                self._fresh[key] = self._clock() + FRESH_S, outcome
        return outcome

    async def _look_up(self, account: Address, purpose: Purpose) -> Place | None:
        result = "unavailable"
        try:
            try:
                place = await store_api.settled(lambda: self._place(account, purpose))
            except LeavingError:
                place = await self._search(account, purpose)
                if place is None:
                    raise
            result = "unknown" if place is None else "here"
        finally:
            self._counters.add("directory_lookups", result=result)
        return place

    async def _place(self, account: Address, purpose: Purpose) -> Place | None:
        found = await self._ask_likely(
            _key(account), lambda store: store_api.account(store, account)
        )
        if found is None:
            return await self._search(account, purpose)
        return Place(store=found[0], state=found[1])

    async def _ask_likely(
        self, key: str, ask: Callable[[Store], Awaitable[T | None]]
    ) -> tuple[Store, T] | None:
        in_doubt: StoreDownError | None = None
        for store in self._candidates(key):
            try:
                answer = await ask(store)
            except StoreDownError as error:
                in_doubt = in_doubt if isinstance(in_doubt, LeavingError) else error
            else:
                if answer is not None:
                    self._remember(key, store)
                    return store, answer
        if in_doubt is not None:
            raise in_doubt
        return None

    async def _search(self, account: Address, purpose: Purpose) -> Place | None:
        """Return the place of an account that no winner has; None if no other store has it."""
        key = _key(account)
        asked = set(self.winners(key))
        others = [store for store in self._stores if store.is_up and store not in asked]
        if others:
            self._searches.begin(purpose)
        answers = await asyncio.gather(*(_answer(store, account) for store in others))
        place = next((answer for answer in answers if isinstance(answer, Place)), None)
        leaving = next((answer for answer in answers if isinstance(answer, LeavingError)), None)
        if place is not None:
            self._remember(key, place.store)
        elif leaving is not None:
            raise leaving
        else:
            self._remembered.pop(key, None)
        return place

    def _candidates(self, key: str) -> Iterator[Store]:
        """Yield the stores that may have an address: one remembered, and the winners."""
        remembered = self._remembered.get(key)
        if remembered is not None:
            yield self._stores[remembered]
        yield from (store for store in self.winners(key) if store.name != remembered)


async def _answer(store: Store, account: Address) -> Place | LeavingError | None:
    """Return the place if this store has the account; None if it gives no answer."""
    try:
        state = await store_api.account(store, account)
    except LeavingError as error:
        return error
    except StoreDownError:
        return None
    return None if state is None else Place(store=store, state=state)


def _key(address: Address) -> str:
    return str(address.account)


def _without_missing(weights: Mapping[str, float], stores: Stores) -> Mapping[str, float]:
    return {name: weight for name, weight in weights.items() if name in stores}
