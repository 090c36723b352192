"""`cmping`, with which operators measure relays, loses no message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chatmail_testkit.relays.target import Target

from probers.programs import Prober, make_profile

PINGS = 3
OPTIONS = ("-c", str(PINGS), "-i", "0.2")


@pytest.mark.parametrize("kind", ["name", "address"])
def test_a_relay_without_a_trusted_certificate(
    kind: str, run: Prober, untrusted: str, untrusted_address: str
) -> None:
    """It creates two profiles there, and the messages of one reach the other."""
    host = untrusted if kind == "name" else untrusted_address
    domain = host if kind == "name" else f"[{host}]"

    done = run("cmping", *OPTIONS, host)

    assert done.returncode == 0, done.stdout + done.stderr
    assert _sequence(done.stdout, domain, domain) == list(range(PINGS))
    assert f"{PINGS} transmitted, {PINGS} received, 0.00% loss" in done.stdout


@pytest.mark.parametrize("sender", ["untrusted", "relay"])
def test_from_relay_to_relay(
    sender: str,
    run: Prober,
    target: Target,
    tmp_path: Path,
    relay: str,
    other_relay: str,
    untrusted: str,
) -> None:
    """Profiles of relays with a certificate of the lab are prepared; cmping uses them."""
    source = untrusted if sender == "untrusted" else relay
    for domain in {source, other_relay} - {untrusted}:
        make_profile(tmp_path / "cmping" / domain, target, domain)

    done = run("cmping", *OPTIONS, source, other_relay)

    assert done.returncode == 0, done.stdout + done.stderr
    assert _sequence(done.stdout, source, other_relay) == list(range(PINGS))
    assert f"{PINGS} transmitted, {PINGS} received, 0.00% loss" in done.stdout


def _sequence(printed: str, source: str, destination: str) -> list[int]:
    """The numbers of the messages that arrived, as they are printed."""
    way = re.escape(f"ME -> {source} -> {destination} -> ME")
    return [int(number) for number in re.findall(rf"{way} seq=(\d+) time=[\d.]+ms 1/1", printed)]
