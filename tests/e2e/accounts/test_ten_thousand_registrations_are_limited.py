"""Ten thousand requests to `/new`: limits hold, memory is bounded, and logins still work."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.web.client import request
from chatmail_testkit.web.crowd import statuses

SIZE = 10_000
BURST = 1000  # lab.nix
REFILL_PER_S = 2
WITHIN_S = 90
MAX_ACCOUNTS_MEGABYTES = 100
FEW, MANY = range(150, 151), range(151, 251)


@pytest.fixture
def sources(request: pytest.FixtureRequest) -> Iterator[Sequence[str]]:
    """IP addresses of the client."""
    addresses = [f"192.0.2.{number}" for number in request.param]
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/24", "dev", "eth0"], check=True)
    yield addresses
    for address in addresses:
        subprocess.run(["ip", "address", "del", f"{address}/24", "dev", "eth0"], check=True)


@pytest.mark.measures
@pytest.mark.parametrize("sources", [FEW, MANY], indirect=True, ids=["one address", "many"])
def test_limits_hold(
    sources: Sequence[str], alice: Person, target: Target, relay: str, machine: Machine
) -> None:
    """Each request is answered or refused; logins succeed meanwhile."""
    before = _process(machine)
    start_s = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        crowd = pool.submit(
            statuses,
            target.host(relay),
            "/new",
            size=SIZE,
            sources=sources,
            context=target.tls(),
            within_s=WITHIN_S,
        )
        logins = 0
        while not crowd.done():
            assert alice.logs_in().noop()
            logins += 1
        seen = crowd.result()
    took_s = time.monotonic() - start_s

    assert seen.total() == SIZE
    assert set(seen) <= {"200", "429", "503", "refused"}
    assert 0 < seen["200"] <= len(sources) * (BURST + took_s * REFILL_PER_S)
    assert logins > 0
    assert _process(machine) == before
    assert _most_megabytes(machine) < MAX_ACCOUNTS_MEGABYTES
    assert request(target, "POST", relay, "/new").status == 200


def _process(machine: Machine) -> str:
    """Return the main processes of the services; a crash would change them."""
    return machine.run("systemctl", "show", "--property=MainPID", "chatmail-accounts", "nginx")


def _most_megabytes(machine: Machine) -> float:
    """Return the peak memory of the accounts service in megabytes."""
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", "chatmail-accounts")
    status = machine.run("cat", f"/proc/{pid.strip()}/status")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000
