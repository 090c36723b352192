"""Postfix is told both ways, in the order in which they are likely to work."""

import pytest

from chatmaild.transport.outbound.destinations import MAX_ENTRIES, PAUSE_S, REMEMBER_S, Destinations

HTTPS_FIRST = "smtp-new:[127.0.0.1]:10083, peer.test"
SMTP_FIRST = "smtp-new:peer.test, [127.0.0.1]:10083"


@pytest.fixture
def destinations() -> Destinations:
    """Nothing is known yet."""
    return Destinations(
        service="smtp-https",
        new_service="smtp-new",
        gateway="[127.0.0.1]:10083",
        local_domain="us.test",
    )


def test_https_is_tried_first(destinations: Destinations) -> None:
    """Where nothing is known."""
    assert destinations.route("peer.test", 0.0) == HTTPS_FIRST


def test_smtp_is_tried_first_for_half_an_hour_after_a_failure(destinations: Destinations) -> None:
    """And HTTPS after it, so that nobody is locked out."""
    destinations.domain_fails("peer.test", 0.0, tried=True)

    assert destinations.route("peer.test", 1.0) == SMTP_FIRST
    assert destinations.route("peer.test", REMEMBER_S) == SMTP_FIRST
    assert destinations.route("peer.test", REMEMBER_S + 1) == HTTPS_FIRST


def test_an_older_memory_is_not_renewed_without_a_try(destinations: Destinations) -> None:
    """Half an hour is counted from the failure."""
    destinations.domain_fails("peer.test", 0.0, tried=True)
    destinations.domain_fails("peer.test", 1000.0, tried=False)

    assert destinations.route("peer.test", REMEMBER_S + 1) == HTTPS_FIRST


def test_a_delivery_over_https_ends_it(destinations: Destinations) -> None:
    """At once."""
    destinations.domain_fails("peer.test", 0.0, tried=True)
    destinations.domain_answers("peer.test")

    assert destinations.route("peer.test", 1.0) == HTTPS_FIRST


@pytest.mark.parametrize("domain", ["us.test", ""])
def test_local_mail_has_no_way_out(destinations: Destinations, domain: str) -> None:
    """NOTFOUND leaves it to the map of local addresses."""
    assert destinations.route(domain, 0.0) is None


def test_a_literal_is_a_nexthop(destinations: Destinations) -> None:
    """As it stands in the address."""
    expected = "smtp-new:[127.0.0.1]:10083, [192.0.2.9]"

    assert expected == destinations.route("[192.0.2.9]", 0.0)


def test_a_failed_host_is_left_alone(destinations: Destinations) -> None:
    """Unless SMTP had its turn first and the pause is over."""
    destinations.host_fails("mx.test", 0.0)

    assert not destinations.worth_trying("mx.test", "peer.test", 100, 1.0)
    assert not destinations.worth_trying("mx.test", "peer.test", 100, PAUSE_S + 1)
    destinations.domain_fails("peer.test", 1.0, tried=False)
    assert not destinations.worth_trying("mx.test", "peer.test", 100, PAUSE_S - 1)
    assert destinations.worth_trying("mx.test", "peer.test", 100, PAUSE_S + 1)
    assert destinations.worth_trying("other.test", "peer.test", 100, 1.0)


def test_a_size_that_was_too_large_stays_so(destinations: Destinations) -> None:
    """Smaller messages still go; after half an hour it is tried again."""
    destinations.too_large("mx.test", 5000, 0.0)

    assert not destinations.worth_trying("mx.test", "peer.test", 6000, 1.0)
    assert destinations.worth_trying("mx.test", "peer.test", 4000, 1.0)
    assert destinations.worth_trying("mx.test", "peer.test", 6000, REMEMBER_S + 1)


def test_memory_is_bounded(destinations: Destinations) -> None:
    """The oldest failure goes."""
    for number in range(MAX_ENTRIES + 1):
        destinations.domain_fails(f"{number}.test", 0.0, tried=True)

    assert destinations.route("0.test", 1.0) == "smtp-new:[127.0.0.1]:10083, 0.test"
    assert destinations.route("1.test", 1.0) == "smtp-new:1.test, [127.0.0.1]:10083"
