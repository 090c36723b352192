"""scripts/scale rebalance: adds a store to a cluster with many addresses, under traffic."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import click
import labs
from labs import CHECKOUT, LabFailedError

RELAY: Final = "a.test"
MACHINES: Final = f"{RELAY}=2+4"
CONFIG: Final = CHECKOUT / "tests" / "e2e" / "lab.nix"
SCENARIO: Final = CHECKOUT / "tests" / "e2e" / "cluster" / "test_rebalance_loses_nothing.py"
# of the scenario, which moves so many addresses by itself
SCALE: Final = "CHATMAIL_REBALANCE_SCALE"
SMALLEST: Final = 100


@click.command()
@click.option("--addresses", default=10_000, show_default=True, help="Addresses that move.")
@click.option("--name", default="rebalance", show_default=True, help="Name of the lab.")
def main(*, addresses: int, name: str) -> None:
    """Move addresses to a fourth store; exits 1 if mail is lost or doubled, or somebody waits."""
    scale = max(1, addresses // SMALLEST)
    command = [
        *("-m", "pytest", str(SCENARIO), "-p", "no:deltachat.testplugin", "-q"),
        *("--lab", name, "--relays", RELAY),
    ]
    try:
        with labs.lab(name, (MACHINES,), CONFIG):
            done = subprocess.run(
                labs.python(name, *command),
                env=os.environ | {SCALE: str(scale)},
                check=False,
            )
    except LabFailedError as error:
        sys.exit(str(error))
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
