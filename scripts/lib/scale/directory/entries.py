"""What a remembered address takes in the memory of a front, measured with the directory itself."""

from __future__ import annotations

import tracemalloc
from typing import Final

from chatmaild.address import parse_address
from chatmaild.directory import placement
from chatmaild.directory.directory import MOST_REMEMBERED, Directory
from chatmaild.directory.stores import Stores
from chatmaild.metrics import Counters
from scale.directory import placing

PLACEMENT: Final = {"store1": 1, "store2": 1}


def bytes_an_address() -> float:
    """Fill the memory of a directory, and return what each entry takes."""
    stores = Stores(dict.fromkeys(PLACEMENT, "127.0.0.1"), 1)
    directory = Directory(stores, [PLACEMENT], Counters())
    tracemalloc.start()
    try:
        # the placement remembers names of its own
        for number in range(placement.MOST_REMEMBERED):
            directory.of_new(placing.address(number))
        before_bytes, _ = tracemalloc.get_traced_memory()
        # The first place of half of the addresses is the other store: these are remembered.
        for number in range(MOST_REMEMBERED * 3):
            directory.learn(parse_address(placing.address(number)), stores["store1"])
        after_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after_bytes - before_bytes) / MOST_REMEMBERED
