"""scripts/scale machines: what each machine of a relay needs, from what its work costs."""

from __future__ import annotations

import pytest
from scale.directory import load
from scale.machines.sizing import Costs, sized

FRONT = Costs(
    message_s=0.005,
    submission_s=0.004,
    session_s=0.003,
    first_s=0.006,
    session_bytes=40_000,
    rest_bytes=90_000_000,
)
STORE = Costs(
    message_s=0.004,
    submission_s=0.001,
    session_s=0.004,
    first_s=0.007,
    session_bytes=6_000,
    rest_bytes=50_000_000,
)


def test_a_public_relay_by_hand() -> None:
    """500,000 addresses, an hour of three times 2 million messages a day."""
    found = sized(load.Relay(addresses=500_000, fronts=2, stores=5), FRONT, STORE)

    messages, sessions, new = 3 * 2e6 / 86_400, 3 * 500_000 * 3 / 86_400, 3 * 5_000 / 3_600
    front = messages * 0.009 + sessions * 0.003 + new * 0.006
    store = messages * 0.005 + sessions * 0.004 + new * 0.007
    assert found.front_cores - found.directory_cores == pytest.approx(front / 2)
    assert found.store_cores == pytest.approx(store / 5)
    assert found.front_bytes == pytest.approx(90e6 + 62_500 * 40_000)
    assert found.store_bytes == pytest.approx(50e6 + 25_000 * 6_000)
    assert found.front_bits == pytest.approx(2 * 8 * 50_000 * messages / 2)
    assert found.store_disk_bytes == pytest.approx(2e6 * 20 * 50_000 / 5)


def test_twice_the_machines_for_twice_the_people() -> None:
    """Only the directory costs a front more, because it hashes more names of stores."""
    small = sized(load.Relay(addresses=10_000_000, fronts=20, stores=100), FRONT, STORE)
    large = sized(load.Relay(addresses=20_000_000, fronts=40, stores=200), FRONT, STORE)

    assert large.store_cores == pytest.approx(small.store_cores)
    assert large.directory_cores == pytest.approx(2 * small.directory_cores)
    assert large.front_cores - large.directory_cores == pytest.approx(
        small.front_cores - small.directory_cores
    )
