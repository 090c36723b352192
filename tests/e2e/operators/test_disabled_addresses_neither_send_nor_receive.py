"""A disabled address neither sends nor receives; its owner and its senders get no error."""

from __future__ import annotations

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

MARKER = "/var/lib/chatmail/mail/{address}/DISABLED"


def test_its_outgoing_mail_is_dropped(alice: Person, bob: Person, machine: Machine) -> None:
    """The reply is 250."""
    machine.run("touch", MARKER.format(address=alice.address))
    assert alice.submits(alice.writes(bob, text="from disabled"), bob).code == 250

    machine.run("rm", MARKER.format(address=alice.address))
    alice.sends(bob, text="from enabled")

    assert bob.receives().text == "from enabled"


def test_its_incoming_mail_is_dropped(alice: Person, bob: Person, machine: Machine) -> None:
    """Other recipients of the message get it."""
    machine.run("touch", MARKER.format(address=bob.address))
    alice.sends(bob, alice, text="while disabled")
    assert alice.receives().text == "while disabled"
    alice.sends(bob, text="to nobody else")
    wait_for(lambda: bob.address not in machine.queue(), "both left the queue")

    machine.run("rm", MARKER.format(address=bob.address))
    alice.sends(bob, text="while enabled")

    assert bob.receives().text == "while enabled"


def test_mail_from_another_relay_is_dropped(
    alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Without a bounce."""
    other_machine.run("touch", MARKER.format(address=carol.address))
    alice.sends(carol, alice, text="while disabled")
    assert alice.receives().text == "while disabled"
    wait_for(
        lambda: carol.address not in machine.queue() + other_machine.queue(),
        "the other copy has left both queues",
    )

    other_machine.run("rm", MARKER.format(address=carol.address))
    alice.sends(carol, alice, text="while enabled")

    assert carol.receives().text == "while enabled"
    assert alice.receives().text == "while enabled"
