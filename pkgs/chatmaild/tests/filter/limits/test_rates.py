"""Rule O2: sixty messages a minute, ten at once."""

from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter


def test_a_burst_passes_then_one_a_second() -> None:
    """The eleventh message at once is refused; one a second always passes."""
    limiter = RateLimiter(per_minute=60, burst=10)

    assert [limiter.allows("a", 100.0) for _ in range(13)] == [True] * 10 + [False] * 3
    assert [limiter.allows("a", 100.99), limiter.allows("a", 101.0)] == [False, True]
    assert not limiter.allows("a", 101.0)
    assert all(limiter.allows("a", 102.0 + second) for second in range(1000))
    assert not limiter.allows("a", 1101.0)


def test_refused_messages_do_not_count() -> None:
    """Frequent retries do not delay the next accepted message."""
    limiter = RateLimiter(per_minute=60, burst=1)
    limiter.allows("a", 0.0)
    for tenth in range(10):
        assert not limiter.allows("a", tenth / 10)

    assert limiter.allows("a", 1.0)


def test_a_pause_restores_the_burst() -> None:
    """A longer pause allows no larger burst."""
    limiter = RateLimiter(per_minute=60, burst=10)
    for _ in range(10):
        limiter.allows("a", 0.0)

    assert [limiter.allows("a", 1e6) for _ in range(11)] == [True] * 10 + [False]


def test_senders_have_separate_limits() -> None:
    """One sender at the limit does not affect another."""
    limiter = RateLimiter(per_minute=60, burst=1)

    assert [limiter.allows(key, 0.0) for key in "aab"] == [True, False, True]


def test_idle_senders_are_removed() -> None:
    """10,000 senders with one message each do not stay in memory."""
    limiter = RateLimiter(per_minute=60, burst=10)
    for number in range(10_000):
        limiter.allows(str(number), float(number))

    assert len(limiter._due_s) < 2100
    assert not all(limiter.allows("9999", 9999.0) for _ in range(10))


def test_distinct_domains_are_counted() -> None:
    """Repeated ones are free; each is free again a minute after its last message."""
    limiter = DomainLimiter(per_message=10, per_minute=2)

    assert [limiter.allows("a", domain, 0.0) for domain in "xyxz"] == [True, True, True, False]
    assert limiter.allows("b", "z", 0.0)
    assert limiter.allows("a", "y", 50.0)
    assert [limiter.allows("a", domain, 61.0) for domain in "zw"] == [True, False]


def test_idle_senders_of_domains_are_forgotten() -> None:
    """Memory is bounded by the senders of a minute."""
    limiter = DomainLimiter(per_message=10, per_minute=2)
    for number in range(10_000):
        limiter.allows(str(number), "x", float(number))

    assert len(limiter._last_s) < 2100
