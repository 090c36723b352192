"""Machines for 10^5 to 10^8 people, from what a front and a store cost.

Of the busy hour, with the load of a public relay (`scale.directory.load`). All messages are to the
same relay: one to another relay costs its front more, and no store anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scale.directory import load
from steps import say

RELAYS: Final = (
    load.sized(100_000),
    load.sized(1_000_000),
    load.sized(10_000_000),
    load.sized(100_000_000),
    # larger stores
    load.Relay(addresses=100_000_000, fronts=200, stores=200),
)
# the busy hour, compared with the average of a day
BUSY: Final = 3
MESSAGE_BYTES: Final = 50_000
MESSAGE_DAYS: Final = 20
GIB: Final = 2**30
# The directory of a front, by store: `scale.directory.asking`, figures of docs/scale/figures.md.
# A look-up gives each store a number, and the search for an unknown address asks them all.
FIND_S_A_STORE: Final = 0.1e-6
UNKNOWN_S_A_STORE: Final = 77e-6
WATCH_S_A_STORE: Final = 75e-6
FINDS_A_MESSAGE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a role costs: CPU seconds, and bytes of memory."""

    message_s: float
    submission_s: float
    # a client that returns and waits, and the end of its session before
    session_s: float
    first_s: float
    session_bytes: float
    rest_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One relay: cores in the busy hour, and memory, of each front and each store."""

    relay: load.Relay
    front_cores: float
    store_cores: float
    directory_cores: float
    front_bytes: float
    store_bytes: float
    front_bits: float
    store_disk_bytes: float


def sized(relay: load.Relay, front: Costs, store: Costs) -> Size:
    """Return what its machines need."""
    messages = BUSY * relay.messages_a_second
    sessions = BUSY * relay.addresses * load.SESSIONS / load.DAY_S
    new = BUSY * relay.new_a_second

    def cores(costs: Costs) -> float:
        return (
            messages * (costs.message_s + costs.submission_s)
            + sessions * costs.session_s
            + new * costs.first_s
        )

    directory = relay.stores * (
        WATCH_S_A_STORE
        + (
            (FINDS_A_MESSAGE * messages + sessions + messages) * FIND_S_A_STORE
            + new * UNKNOWN_S_A_STORE
        )
        / relay.fronts
    )
    return Size(
        relay=relay,
        front_cores=cores(front) / relay.fronts + directory,
        store_cores=cores(store) / relay.stores,
        directory_cores=directory,
        front_bytes=front.rest_bytes + relay.waiting / relay.fronts * front.session_bytes,
        store_bytes=store.rest_bytes + relay.waiting / relay.stores * store.session_bytes,
        # each message passes a front's link twice in each direction
        front_bits=2 * 8 * messages * MESSAGE_BYTES / relay.fronts,
        store_disk_bytes=relay.addresses
        * load.DELIVERIES
        * MESSAGE_DAYS
        * MESSAGE_BYTES
        / relay.stores,
    )


def report(front: Costs, store: Costs, one: Costs) -> None:
    """Print a line for each number of people."""
    say("\nmachines, in the busy hour; the tunnel's CPU time is not in it")
    for relay in RELAYS:
        found = sized(relay, front, store)
        alone = sized(load.Relay(addresses=relay.addresses, fronts=1, stores=1), one, one)
        say(
            f"  {relay.addresses:,} people: one machine would need {alone.store_cores:.1f} cores"
            f" and {alone.store_bytes / GIB:.1f} GiB"
        )
        say(
            f"    {relay.fronts} fronts, each {found.front_cores:.2f} cores, of them"
            f" {found.directory_cores:.3f} for the number of stores;"
            f" {found.front_bytes / GIB:.2f} GiB, {found.front_bits / 1e6:.0f} Mbit/s"
        )
        say(
            f"    {relay.stores} stores, each {found.store_cores:.2f} cores,"
            f" {found.store_bytes / GIB:.2f} GiB, {found.store_disk_bytes / 1e12:.2f} TB"
        )
