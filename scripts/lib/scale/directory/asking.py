"""What questions cost a front: measured with the directory's own code and a stand-in for stores.

Times are CPU time of this machine; everything else follows from them and from the load.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address, parse_address
from chatmaild.directory.directory import Directory
from chatmaild.directory.searches import QUESTIONS_PER_S, searches_per_s
from chatmaild.directory.stores import Stores
from chatmaild.metrics import Counters
from scale.directory import load, placing
from scale.directory.store import NEW
from steps import say

HOST: Final = "127.0.0.1"
ASKED: Final = 300
UNKNOWN: Final = 9
# the connections of the watch come up in the first seconds
WATCH_STARTS_S: Final = 3.0
WATCH_S: Final = 5.0
# Postfix and the filter ask about a recipient, the filter about the sender: each once within 2 s
FINDS_A_MESSAGE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU seconds of a front."""

    # the first place of an address
    placed_s: float
    # that, and one question
    found_s: float
    # one that no store has, with a question to each
    unknown_s: float
    # of each second
    watch_s: float


async def measured(stores: int) -> Costs:
    """Measure them with as many stores, of equal weight, in one placement."""
    names = placing.weighted(stores, (1,))
    placed, known = (
        [parse_address(placing.address(start + number)) for number in range(ASKED)]
        for start in (0, ASKED)
    )
    unknown = [parse_address(f"{NEW}{number}@chat.example.org") for number in range(UNKNOWN + 1)]
    async with _stand_in() as port:
        asked = Stores(dict.fromkeys(names, HOST), port)
        directory = Directory(asked, [names], Counters())

        async def place(address: Address) -> None:
            directory.of_new(str(address))

        await directory.find_now(unknown[0])  # opens the connections
        placed_s = await _cpu_s(place, placed)
        found_s = await _cpu_s(directory.find, known)
        unknown_s = await _cpu_s(directory.find_now, unknown[1:])
        async with asked.watched():
            await asyncio.sleep(WATCH_STARTS_S)
            start_s = time.process_time()
            await asyncio.sleep(WATCH_S)
            watch_s = (time.process_time() - start_s) / WATCH_S
    return Costs(placed_s=placed_s, found_s=found_s, unknown_s=unknown_s, watch_s=watch_s)


def report(relay: load.Relay) -> None:
    """Measure and print what the directory of a front and a store have to do."""
    costs = asyncio.run(measured(relay.stores))
    logins, messages, new = (
        rate / relay.fronts
        for rate in (relay.logins_a_second, relay.messages_a_second, relay.new_a_second)
    )
    # a login is a question that costs as much as that of a look-up
    shares = {
        "logins": logins * costs.found_s,
        "messages": FINDS_A_MESSAGE * messages * costs.found_s,
        "new people": new * costs.unknown_s,
        "watch": costs.watch_s,
    }
    used = sum(shares.values())
    say(f"  {relay.addresses:,} addresses, {relay.fronts} fronts, {relay.stores} stores")
    say(
        f"    CPU time of the directory: first place {costs.placed_s * 1e3:.2f} ms,"
        f" look-up with one question {costs.found_s * 1e3:.2f} ms, look-up of an unknown address"
        f" {costs.unknown_s * 1e3:.1f} ms, watch {costs.watch_s:.1%} of a core"
    )
    say(
        f"    a front, each second: {logins:.1f} logins, {messages:.1f} messages,"
        f" {new:.2f} new people; of a core: "
        + ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        + f"; together {used:.1%}"
    )
    questions = (relay.logins_a_second + FINDS_A_MESSAGE * relay.messages_a_second) / relay.stores
    say(
        f"    a store, each second: {questions:.1f} questions about its addresses,"
        f" {relay.new_a_second:.1f} about new ones, {relay.fronts} of the watch"
    )
    for purpose in QUESTIONS_PER_S:
        most = searches_per_s(purpose, relay.stores)
        say(
            f"    at most {most:,.0f} searches a second for {purpose}:"
            f" {most * costs.unknown_s:.1%} of a core"
        )


async def _cpu_s(
    work: Callable[[Address], Awaitable[object]], addresses: Sequence[Address]
) -> float:
    """Return the CPU time for an address, the middle of all."""
    times_s = []
    for address in addresses:
        start_s = time.process_time()
        await work(address)
        times_s.append(time.process_time() - start_s)
    return statistics.median(times_s)


@contextlib.asynccontextmanager
async def _stand_in() -> AsyncIterator[int]:
    command = [sys.executable, "-m", "scale.directory.store"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            port = await asyncio.to_thread(_first_line, process)
            yield int(port)
        finally:
            process.terminate()


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    if process.stdout is None:
        raise BrokenPipeError
    return process.stdout.readline()
