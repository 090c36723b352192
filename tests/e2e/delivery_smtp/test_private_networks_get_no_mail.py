"""Mail cannot reach private networks behind the relay."""

from __future__ import annotations

import re

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import counted_to
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

# hosts on the relay itself; see private.test in the lab's DNS
ADDRESSES = ("10.66.0.1", "fd66::1")
# reason, then recipient
DEFERRED = re.compile(r"\(.*\)\n +somebody1@private\.test")


@pytest.mark.disturbs
@pytest.mark.parametrize(
    "literal", ["[10.66.0.1]", "[IPv6:fd66::1]", "[IPv6:::ffff:10.66.0.1]", "[127.0.0.2]"]
)
def test_address_literals_bounce(literal: str, alice: Person, machine: Machine) -> None:
    """The message bounces at once; neither HTTPS nor SMTP connects."""
    with counted_to(machine, *ADDRESSES) as packets:
        alice.sends(f"somebody1@{literal}")
        bounce = alice.receives()

        assert packets() == 0
    assert b"Status: 5.4.4" in bounce.raw


@pytest.mark.disturbs
def test_a_domain_with_private_addresses_waits(alice: Person, machine: Machine) -> None:
    """The message stays queued, because DNS may be repaired."""
    with counted_to(machine, *ADDRESSES) as packets:
        alice.sends("somebody1@private.test")
        wait_for(
            lambda: DEFERRED.search(machine.run("postqueue", "-p")),
            "it waits",
        )

        assert packets() == 0
    machine.run("postsuper", "-d", "ALL")
