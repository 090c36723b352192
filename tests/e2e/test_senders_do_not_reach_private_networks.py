"""Senders choose where mail goes, but never into a network behind the relay."""

from __future__ import annotations

import re

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import counted_to
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

# hosts that are on the relay itself here; see private.test in the lab's DNS
ADDRESSES = ("10.66.0.1", "fd66::1")
WITHIN_S = 20
# a reason, and the recipient below it
DEFERRED = re.compile(r"\(.*\)\n +somebody1@private\.test")


@pytest.mark.disturbs
@pytest.mark.parametrize(
    "literal", ["[10.66.0.1]", "[IPv6:fd66::1]", "[IPv6:::ffff:10.66.0.1]", "[127.0.0.2]"]
)
def test_address_literals(literal: str, alice: Person, machine: Machine) -> None:
    """The message comes back at once; nothing connects, neither for HTTPS nor for SMTP."""
    with counted_to(machine, *ADDRESSES) as packets:
        alice.sends(f"somebody1@{literal}")
        bounce = alice.receives(within_s=WITHIN_S)

        assert packets() == 0
    assert b"Status: 5.4.4" in bounce.raw


@pytest.mark.disturbs
def test_a_domain(alice: Person, machine: Machine) -> None:
    """DNS leads into the network: the message stays in the queue, in case DNS is mended."""
    with counted_to(machine, *ADDRESSES) as packets:
        alice.sends("somebody1@private.test")
        wait_for(
            lambda: DEFERRED.search(machine.run("postqueue", "-p")), "it waits", within_s=WITHIN_S
        )

        assert packets() == 0
    machine.run("postsuper", "-d", "ALL")
