"""Session key packets must have a known form; text in their place is refused."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.mail.openpgp import PKESK, SEIPD, SKESK, packet
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

TEXT = b"Meet me at the old mill at noon, and bring the papers with you. "
DATA = packet(SEIPD, b"\x01" + bytes(60))
KEY = packet(PKESK, openpgp.unknown_session_key())
MOST_CPU_S = 2.0  # of the filter, including the transfer of 30 MB and other mail meanwhile
CPU = ("systemctl", "show", "--property=CPUUsageNSec", "--value", "chatmail-filter")

HIDDEN = {
    "text instead of a session key": packet(PKESK, TEXT) + DATA,
    "text behind a version": packet(PKESK, b"\x03" + TEXT) + DATA,
    "text behind an algorithm": packet(PKESK, b"\x03" + bytes(8) + b"\x01" + TEXT * 4) + DATA,
    "text behind a key": packet(PKESK, openpgp.unknown_session_key() + TEXT) + DATA,
    "text instead of a passphrase's salt": packet(SKESK, b"\x04" + TEXT) + DATA,
    "text in a second packet": KEY + packet(PKESK, TEXT) + DATA,
    "text in a marker": packet(10, TEXT) + KEY + DATA,
    "text in padding": packet(21, TEXT) + KEY + DATA,
    "text instead of data": KEY + packet(SEIPD, TEXT * 4),
    "data without a version": KEY + packet(SEIPD, bytes(60)),
    "data of a version to come": KEY + packet(SEIPD, b"\x03" + bytes(100)),
    "data too short to hold anything": KEY + packet(SEIPD, b"\x01" + bytes(20)),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_text_is_refused(what: str, peer: Peer, alice: Person, carol: Person) -> None:
    """At submission and at port 25."""
    message = messages.encrypted(alice.address, [carol.address], openpgp.armor(HIDDEN[what]))

    assert alice.submits(message, carol).code == 523
    reply = peer.delivers(peer.signs(message), carol, mail_from=alice.address)
    assert reply.code == 523


def test_a_group_of_a_thousand_passes(alice: Person, carol: Person) -> None:
    """Two keys for each member, after a marker packet as PGP Desktop writes."""
    data = packet(10, b"PGP") + KEY * 2000 + DATA
    message = messages.encrypted(alice.address, [carol.address], openpgp.armor(data))

    reply = alice.submits(message, carol)

    assert reply.code == 250, reply.text
    carol.receives()


@pytest.mark.parametrize("kind", [PKESK, SKESK])
def test_a_flood_of_empty_packets_is_cheap(
    kind: int, alice: Person, bob: Person, machine: Machine
) -> None:
    """20 MB of them cost almost no time: the parser stops at the first."""
    data = bytes([0xC0 | kind, 0]) * 10_000_000 + DATA
    message = messages.encrypted(alice.address, [bob.address], openpgp.armor(data))
    before = int(machine.run(*CPU))
    reply = alice.submits(message, bob)

    assert reply.code == 523
    assert (int(machine.run(*CPU)) - before) / 1e9 < MOST_CPU_S
