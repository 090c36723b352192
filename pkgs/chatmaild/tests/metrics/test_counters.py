"""The text for Prometheus, read with its own library."""

import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatmaild.metrics.counters import Counters, full_name
from chatmaild.metrics.families import ACCOUNTS, DIRECTORY, FAMILIES, FILTER, MONITOR, TRANSPORT


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_counter_is_zero_from_the_start() -> None:
    """So that rate() sees the first increment."""
    counters = Counters(ACCOUNTS)
    counters.add("logins", result="accepted")
    found = _samples(counters.text())

    assert found["chatmail_logins_total", (("result", "accepted"),)] == 1
    assert found["chatmail_logins_total", (("result", "refused"),)] == 0
    assert found["chatmail_addresses_offered_total", ()] == 0


def test_a_histogram_is_cumulative() -> None:
    """A value on a bound is in its bucket."""
    counters = Counters()
    for value in (0.004, 0.005, 0.3, 1e6):
        counters.observe("delivery_seconds", value)
    found = _samples(counters.text())
    buckets = [
        found["chatmail_delivery_seconds_bucket", (("le", le),)] for le in ("0.005", "0.5", "+Inf")
    ]

    assert buckets == [2, 3, 4]
    assert found["chatmail_delivery_seconds_count", ()] == 4
    assert found["chatmail_delivery_seconds_sum", ()] == pytest.approx(1000000.309)


@pytest.mark.parametrize("source", [ACCOUNTS, DIRECTORY, FILTER, TRANSPORT, MONITOR])
def test_every_family_has_help_and_type(source: str) -> None:
    """The library finds the same families, types and sentences."""
    counters = Counters(source)
    wanted = {name: family for name, family in FAMILIES.items() if family.source == source}
    for name, family in wanted.items():
        labels = {label: (values or ("x",))[0] for label, values in family.labels.items()}
        if family.buckets:
            counters.observe(name, 1)
        elif family.is_counter:
            counters.add(name, 1, **labels)
        else:
            counters.set(name, 1.5, **labels)
    found = {
        family.name: (family.type, family.documentation)
        for family in text_string_to_metric_families(counters.text())
    }

    assert found == {
        full_name(name).removesuffix("_total"): (family.kind, family.help)
        for name, family in wanted.items()
    }


def test_names_follow_the_conventions() -> None:
    """Base units alone, and the unit at the end; the suffixes of histograms are taken."""
    for name in FAMILIES:
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_kb", "_minutes"))
        assert full_name(name).startswith("chatmail_")
        for unit in ("seconds", "bytes"):
            if unit in name.split("_"):
                assert name.endswith(unit), name


def test_threads_lose_no_increment() -> None:
    """The filter decides in threads, too."""
    counters = Counters()

    def work() -> None:
        for _ in range(2000):
            counters.add("logins", result="accepted")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counters.value("logins", result="accepted") == 8000


def test_a_gauge_can_vanish() -> None:
    """A number that is not known any more must not stay."""
    counters = Counters()
    counters.set("queue_messages", 3, queue="active")
    counters.drop("queue_messages")

    assert counters.text() == ""


def test_labels_are_escaped() -> None:
    """A quotation mark ends no label."""
    counters = Counters()
    counters.set("selftest_passed", 1, check='a"b\\c\nd')

    assert _samples(counters.text()) == {
        ("chatmail_selftest_passed", (("check", 'a"b\\c\nd'),)): 1,
    }
