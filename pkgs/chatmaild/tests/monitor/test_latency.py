"""How long deliveries take."""

from chatmaild.metrics import Counters
from chatmaild.monitor.latency import Latencies


def test_a_delivery_is_matched_with_its_acceptance() -> None:
    """Once for each recipient, however often the lists are read."""
    counters = Counters()
    latencies = Latencies(counters, start_s=100)
    for _ in range(3):
        latencies.take([("a", 110.0)], [("a", 110.02), ("a", 112.0)])

    assert "chatmail_delivery_seconds_count 2" in counters.text()
    assert 'chatmail_delivery_seconds_bucket{le="0.025"} 1' in counters.text()


def test_an_acceptance_may_come_long_before() -> None:
    """A message that waited in the queue."""
    counters = Counters()
    latencies = Latencies(counters, start_s=100)
    latencies.take([("a", 110.0)], [])
    latencies.take([("b", 115.0)], [("a", 2110.0)])

    assert 'chatmail_delivery_seconds_bucket{le="3600"} 1' in counters.text()
    assert 'chatmail_delivery_seconds_bucket{le="600"} 0' in counters.text()


def test_what_is_not_known_is_counted_apart() -> None:
    """The filter restarted, or the message was sent twice; what came before the start is old."""
    counters = Counters()
    latencies = Latencies(counters, start_s=100)
    latencies.take([("b", 130.0)], [("old", 90.0), ("a", 110.0), ("b", 120.0)])

    assert counters.value("deliveries_unmatched") == 2
    assert "delivery_seconds" not in counters.text()
