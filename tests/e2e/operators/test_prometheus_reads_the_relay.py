"""One page has the numbers of all services, and names nobody."""

from __future__ import annotations

import secrets
import statistics

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from chatmaild.metrics.recent import Recent
from prometheus_client.parser import text_string_to_metric_families

URL = "http://127.0.0.1:8700/metrics"
# fewer than a sender may send at once
MESSAGES = 4
# the queue is counted each minute, and the collector reads that every 15 s
WITHIN_S = 100
SCRAPE_S = 0.05

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def test_a_message_moves_the_numbers(alice: Person, bob: Person, machine: Machine) -> None:
    """Accepted, signed or not, and delivered; the time in between is measured for one of eight."""
    before = _numbers(machine)
    for _ in range(MESSAGES):
        alice.sends(bob, headers={"Message-ID": _measured()})
    bob.receives()

    def grown(name: str, **labels: str) -> float:
        return _value(_numbers(machine), name, **labels) - _value(before, name, **labels)

    assert grown("chatmail_messages_accepted_total", ingress="submission") >= MESSAGES
    wait_for(
        lambda: grown("chatmail_deliveries_total", result="delivered") >= MESSAGES,
        "all deliveries",
        within_s=WITHIN_S,
    )
    assert grown("chatmail_delivered_bytes_total") > MESSAGES * 500
    if len(machine.members) == 1:  # a store does not know when a front accepted a message
        assert grown("chatmail_delivery_seconds_count") >= MESSAGES
    assert grown("chatmail_deliveries_unmatched_total") == 0


def test_all_sources_answer(machine: Machine) -> None:
    """Services, queue, units, connections, disks, certificate and key."""
    for source in ("accounts", "filter", "transport", "postfix"):
        _becomes(machine, 1, "chatmail_source_up", source=source)
    for unit in ("postfix", "dovecot", "nginx", "chatmail-filter"):
        _becomes(machine, 1, "chatmail_unit_up", unit=unit)
    found = _numbers(machine)
    assert _value(found, "chatmail_disk_free_bytes", directory="mail") > 0
    assert {name for name, _ in found} >= {
        "chatmail_build_info",
        "chatmail_connections",
        "chatmail_dkim_key_created_timestamp_seconds",
        "chatmail_queue_messages",
    }


def test_the_count_of_addresses_is_a_job(alice: Person, machine: Machine) -> None:
    """It looks at the certificate, too."""
    alice.logs_in()
    machine.run("systemctl", "start", "chatmail-count")

    wait_for(
        lambda: _value(_numbers(machine), "chatmail_addresses_active", days="1") > 0,
        "the count",
        within_s=WITHIN_S,
    )
    found = _numbers(machine)
    assert _value(found, "chatmail_addresses", kind="user") > 0
    assert _value(found, "chatmail_certificate_expiry_timestamp_seconds") > 1e9


def test_nobody_is_named(alice: Person, bob: Person, machine: Machine) -> None:
    """No name, no domain, no IP address."""
    alice.sends(bob, text="hello")
    bob.receives()
    page = machine.run("curl", "-sS", URL)

    for word in (alice.name, bob.name, alice.domain, bob.domain, "192.0.2.", "2001:db8"):
        assert word not in page, word


@pytest.mark.measures
def test_a_scrape_takes_less_than_50_ms(machine: Machine) -> None:
    """Nothing is walked through for it; the median of nine counts."""
    options = ["-sS", "-o", "/dev/null", "-w", "%{time_total}"]
    times_s = [float(machine.run("curl", *options, URL)) for _ in range(9)]

    assert statistics.median(times_s) < SCRAPE_S


@pytest.mark.disturbs
def test_a_stopped_service_is_seen(machine: Machine) -> None:
    """The page goes on without it."""
    machine.run("systemctl", "stop", "chatmail-filter", "postfix")
    try:
        _becomes(machine, 0, "chatmail_unit_up", unit="postfix")
        # a count that began before may still end well
        wait_for(lambda: not _knows_the_queue(machine), "no numbers of a queue", within_s=WITHIN_S)
        found = _numbers(machine)
    finally:
        machine.run("systemctl", "start", "chatmail-filter", "postfix")

    for source, unit in (("filter", "chatmail-filter"), ("postfix", "postfix")):
        assert _value(found, "chatmail_source_up", source=source) == 0
        assert _value(found, "chatmail_unit_up", unit=unit) == 0


def _measured() -> str:
    """Return a Message-ID that is sampled."""
    while True:
        name, recent = f"<{secrets.token_hex(8)}@localhost>", Recent()
        recent.note(name.encode(), 0)
        if recent.entries():
            return name


def _numbers(machine: Machine) -> Numbers:
    page = machine.run("curl", "-sS", "--fail", URL)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _knows_the_queue(machine: Machine) -> bool:
    return "chatmail_queue_messages" in {name for name, _ in _numbers(machine)}


def _becomes(machine: Machine, expected: float, name: str, **labels: str) -> None:
    key = name, frozenset(labels.items())
    wait_for(lambda: _numbers(machine).get(key) == expected, f"{name} {labels}", within_s=WITHIN_S)


def _value(numbers: Numbers, name: str, **labels: str) -> float:
    return numbers.get((name, frozenset(labels.items())), 0.0)
