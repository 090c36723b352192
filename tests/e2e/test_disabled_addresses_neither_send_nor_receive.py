"""An operator stops an address with a marker; its owner and those who write to it learn nothing."""

from __future__ import annotations

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

MARKER = "/var/lib/chatmail/mail/{address}/DISABLED"


def test_outgoing(alice: Person, bob: Person, machine: Machine) -> None:
    """What a disabled address sends is answered 250, and dropped."""
    machine.run("touch", MARKER.format(address=alice.address))
    assert alice.submits(alice.writes(bob, text="from disabled"), bob).code == 250

    machine.run("rm", MARKER.format(address=alice.address))
    alice.sends(bob, text="from enabled")

    assert bob.receives().text == "from enabled"


def test_incoming(alice: Person, bob: Person, machine: Machine) -> None:
    """A disabled recipient gets nothing, the others of the same message do."""
    machine.run("touch", MARKER.format(address=bob.address))
    alice.sends(bob, alice, text="while disabled")
    assert alice.receives().text == "while disabled"
    alice.sends(bob, text="to nobody else")

    machine.run("rm", MARKER.format(address=bob.address))
    alice.sends(bob, text="while enabled")

    assert bob.receives().text == "while enabled"


def test_incoming_from_elsewhere(alice: Person, carol: Person, other_machine: Machine) -> None:
    """The same across relays, without a bounce."""
    other_machine.run("touch", MARKER.format(address=carol.address))
    alice.sends(carol, alice, text="while disabled")
    assert alice.receives().text == "while disabled"

    other_machine.run("rm", MARKER.format(address=carol.address))
    alice.sends(carol, alice, text="while enabled")

    assert carol.receives(within_s=20).text == "while enabled"
    assert alice.receives().text == "while enabled"
