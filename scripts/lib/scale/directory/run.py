"""scripts/scale directory: one domain on many machines, in figures; no machine is started."""

from __future__ import annotations

import sys
from typing import Final

import click
from chatmaild.directory.directory import MOST_REMEMBERED
from scale.directory import asking, compiled, entries, load, placing, remembering
from steps import say, step

PARTS: Final = ("placement", "memory", "questions")
# machines that were bought in three years
WEIGHTS: Final = (1, 2, 4)
SIZES: Final = (100_000, 1_000_000, 10_000_000, 100_000_000)
# Addresses that are not at their first place: after one store in a thousand
# was added, and after one in a hundred; after a tenth and half of the stores were.
ELSEWHERE: Final = (0.001, 0.01, 0.1, 0.5)
MEMORIES: Final = (MOST_REMEMBERED, 1_000_000)


@click.command()
@click.option("--addresses", default=100_000_000, show_default=True, help="Addresses of the relay.")
@click.option("--stores", default=1000, show_default=True, help="Stores of the placement.")
@click.option(
    "--sample",
    default=100_000_000,
    show_default=True,
    help="Addresses that are placed; fewer are quicker.",
)
@click.option("--only", type=click.Choice(PARTS), help="Simulate only this.")
def main(*, addresses: int, stores: int, sample: int, only: str | None) -> None:
    """Simulate the directory of a large relay, and print its figures; takes some minutes.

    Placement has all scores of each address. The events of a front are all simulated.
    The costs of questions are measured on this machine.
    """
    try:
        if only in (None, "placement"):
            _placement(stores, min(sample, addresses), addresses)
        if only in (None, "memory"):
            _memory(addresses)
        if only in (None, "questions"):
            _questions(addresses)
    except compiled.NotCompiledError as error:
        sys.exit(str(error))


def _placement(stores: int, sample: int, addresses: int) -> None:
    with compiled.program("placement") as program:
        for weights in ((1,), WEIGHTS):
            with step(f"placement on {stores} stores, weights {', '.join(map(str, weights))}"):
                by_name = placing.weighted(stores, weights)
                found = placing.placing(program, by_name, weights[-1], sample)
                placing.report(found, addresses)


def _memory(addresses: int) -> None:
    with step("the memory of a front"), compiled.program("front") as program:
        say(f"  a remembered address takes {entries.bytes_an_address():.0f} bytes")
        for size in sorted({min(SIZES[1], addresses), addresses}):
            for elsewhere in ELSEWHERE:
                for most in MEMORIES:
                    remembering.report(program, load.sized(size), elsewhere, most)


def _questions(addresses: int) -> None:
    for size in (size for size in SIZES if size <= addresses):
        with step(f"questions, {size:,} addresses"):
            asking.report(load.sized(size))
