"""Bound the searches of all stores, see `directory`.

A search costs each store one question. An attacker who names random unknown addresses causes one
with each name. So a front has a budget of searches a second, and an address beyond it is in doubt:
mail waits, a first login is temporarily unavailable, `/new` with an invite answers 503. No address
is called unknown without a search. Addresses at the winner of a placement, and those that the front
remembers, need none.

Recipients of mail, which strangers can name, and what creates addresses have budgets of their own:
a flood of mail keeps no new people out. A network that logs in with random addresses pays for each
search as for a new address (`accounts.limits.creations`).

What it costs, at most: a question takes 0.06 to 0.08 ms of CPU time of the front, and each address
0.2 ms more. Both budgets together are 4,000 questions a second: a quarter of a core with 100
stores, half of one with few. With more than some 400 stores the fewest searches count: with 1,000
both budgets take three quarters of a core. A store gets a question for each search of each front.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, Literal

from chatmaild.accounts.limits.buckets import Buckets
from chatmaild.errors import SearchLimitError
from chatmaild.metrics import Counters

Purpose = Literal["mail", "people"]

QUESTIONS_PER_S: Final[Mapping[Purpose, int]] = {"mail": 1000, "people": 3000}
# With many stores: 500,000 people, as many as a front has, get four new ones a second in the busy
# hour (docs/scale.md), and each costs a search.
FEWEST_PER_S: Final[Mapping[Purpose, float]] = {"mail": 2.0, "people": 8.0}
# what was not used within this time can be used at once
BURST_S: Final = 5.0
_ONE: Final = b""


def searches_per_s(purpose: Purpose, stores: int) -> float:
    """Return the budget of a front with so many stores."""
    return max(QUESTIONS_PER_S[purpose] / max(stores, 1), FEWEST_PER_S[purpose])


class Searches:
    """The budgets of a front.

    Args:
        stores: how many there are, and questions in a search.
    """

    def __init__(
        self, stores: int, counters: Counters, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._budgets: dict[Purpose, Buckets] = {}
        for purpose in QUESTIONS_PER_S:
            per_s = searches_per_s(purpose, stores)
            self._budgets[purpose] = Buckets(int(per_s * BURST_S), per_s)

    def begin(self, purpose: Purpose) -> None:
        """Take one search of a budget.

        Raises:
            SearchLimitError: it is used up.
        """
        is_allowed = self._budgets[purpose].take(_ONE, self._clock())
        result = "made" if is_allowed else "refused"
        self._counters.add("directory_searches", kind=purpose, result=result)
        if not is_allowed:
            raise SearchLimitError("too many addresses are searched for")
