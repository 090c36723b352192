"""An internationalised domain is the one that IDNA2008 makes of it (RFC 8616), and needs its key.

In the lab, fuss.test and xn--fu-hia.test publish the key of the first relay.
"""

from __future__ import annotations

import pytest
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.lab import LabTarget

AUTHOR = "ceo@fuß.test"


def _reply(
    peer: Peer, alice: Person, carol: Person, author: str, signed_by: str, text: str = "hello"
) -> tuple[int, str]:
    message = alice.writes(carol, text=text, headers={"From": f"<{author}>"})
    reply = peer.delivers(peer.signs(message, signed_by), carol, mail_from="")
    return reply.code, reply.text


@pytest.mark.usefixtures("lab")
def test_the_owners_signature_is_accepted(peer: Peer, alice: Person, carol: Person) -> None:
    """For every form of the author's domain."""
    for author in (AUTHOR, "ceo@FUẞ.test", "ceo@xn--fu-hia.test"):
        code, text = _reply(peer, alice, carol, author, "xn--fu-hia.test", author)

        assert code == 250, text
        assert carol.receives().text == author


@pytest.mark.usefixtures("lab")
def test_similar_domains_are_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """Domains that other mappings would treat as equal, and invalid ones."""
    for author, signed_by in (
        (AUTHOR, "fuss.test"),
        ("ceo@fuss.test", "xn--fu-hia.test"),
        ("ceo@fuss\N{ZERO WIDTH JOINER}.test", "fuss.test"),
        ("ceo@fuss\N{IDEOGRAPHIC FULL STOP}test", "fuss.test"),
        ("ceo@\N{FULLWIDTH LATIN SMALL LETTER F}uss.test", "fuss.test"),
        ("ceo@\N{HEAVY BLACK HEART}.test", "fuss.test"),
    ):
        reply = _reply(peer, alice, carol, author, signed_by)
        assert reply == (554, "5.7.1 No valid DKIM signature found"), author


def test_the_keys_are_published(lab: LabTarget, peer: Peer, alice: Person, carol: Person) -> None:
    """Precondition of the tests above."""
    assert lab.relays[0] == peer.domain
    assert _reply(peer, alice, carol, "ceo@fuss.test", "fuss.test")[0] == 250
