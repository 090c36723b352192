"""Relays that share only IPv4 or only IPv6 exchange mail over HTTPS and SMTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed, without_route
from chatmail_testkit.relays.target import Machine

pytestmark = pytest.mark.disturbs

SMTP, HTTPS = 25, 443
MISSING = {"IPv4 alone": "ahostsv6", "IPv6 alone": "ahostsv4"}


@pytest.fixture(autouse=True)
def _forgotten(machine: Machine, other_machine: Machine) -> Iterator[None]:
    """Clear the cache of failed hosts, before and after."""
    yield
    for relay in (machine, other_machine):
        relay.run("systemctl", "restart", "chatmail-transport")


@pytest.mark.parametrize("closed_port", [SMTP, HTTPS], ids=["by HTTPS", "by SMTP"])
@pytest.mark.parametrize("kind", MISSING)
def test_mail_goes_both_ways(
    alice: Person,
    carol: Person,
    machine: Machine,
    other_machine: Machine,
    kind: str,
    closed_port: int,
) -> None:
    """DNS has IP addresses of the other family, which are not routed."""
    with contextlib.ExitStack() as world:
        for relay, peer in ((machine, carol.domain), (other_machine, alice.domain)):
            found = relay.run("getent", MISSING[kind], peer)
            world.enter_context(without_route(relay, found.split()[0]))
            world.enter_context(closed(relay, closed_port))

        alice.sends(carol, text="there")
        assert carol.receives().text == "there"
        carol.sends(alice, text="back")
        assert alice.receives().text == "back"
