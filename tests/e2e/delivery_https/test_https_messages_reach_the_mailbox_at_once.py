"""A small message over HTTPS goes to its mailbox without Postfix' queue, and all rules hold."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import deadly, stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(120)]

POSTFIX, DOVECOT, FILTER = "postfix", "dovecot", "chatmail-filter"
MAIL = "/var/lib/chatmail/mail"
# fields that no recipient needs, in front of those that the signature covers
TRACES = b"Received: from x\r\n\tby y\r\nAuthentication-Results: y; dkim=pass\r\n"

Posts = Callable[..., tuple[int, bytes]]


@pytest.fixture
def posts(peer: Peer, alice: Person) -> Posts:
    """Posts a message of Alice; returns the status and the SMTP code."""

    def post(message: bytes, *recipients: Person | str) -> tuple[int, bytes]:
        to = [one if isinstance(one, str) else one.address for one in recipients]
        domain = to[0].rpartition("@")[2]
        headers = [("X-MAIL-FROM", alice.address), *(("X-MAIL-TO", address) for address in to)]
        answer = request(peer.target, "POST", domain, "/mxdeliv", headers=headers, body=message)
        return answer.status, answer.body[:3]

    return post


def test_the_rules_hold_without_postfix(
    posts: Posts, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """What the filter refuses is refused; what needs the queue waits at the sender."""
    encrypted = alice.writes(carol, text="at once")
    message = TRACES + peer.signs(encrypted)
    nobody = f"{new_name()}@{carol.domain}"
    changed = peer.signs(alice.writes(carol)).replace(b"-----END PGP", b"AAAA\r\n-----END PGP")

    with stopped(other_machine, POSTFIX):
        assert posts(message, carol) == (200, b"250")
        letter = carol.receives()
        assert posts(message, carol) == (200, b"250")
        assert posts(encrypted, carol) == (400, b"554")
        assert posts(changed, carol)[0] == 400
        clear = messages.plain(alice.address, [carol.address])
        assert posts(peer.signs(clear), carol) == (400, b"523")
        assert posts(peer.signs(alice.writes(nobody)), nobody) == (400, b"550")
        for waits in (
            (message.replace(b"\r\n", b"\n"), carol),
            (b"Bcc: x@example.org\r\n" + message, carol),
            (peer.signs(alice.writes(carol)), carol, nobody),
            (peer.signs(alice.writes(carol)), carol.address.replace("@", "+tag@")),
        ):
            assert posts(*waits) == (503, b"451")

    assert letter.text == "at once"
    assert [each.text for each in carol.inbox()] == ["at once"]
    assert nobody not in other_machine.run("ls", MAIL)


def test_both_ways_deliver_the_same(posts: Posts, peer: Peer, alice: Person, carol: Person) -> None:
    """A second recipient makes a message go through Postfix."""
    fields = "X-Long: " + 40 * "folded\r\n\t" + "end\r\nEmpty:\r\n"
    for recipients in ((carol,), (carol, f"{new_name()}@{carol.domain}")):
        signed = peer.signs(fields.encode() + alice.writes(carol, text="twice"))
        assert posts(TRACES + signed, *recipients) == (200, b"250")
    wait_for(lambda: len(carol.inbox()) == 2, "both messages", within_s=20)

    first, second = (letter.headers for letter in carol.inbox())
    assert first.keys() == second.keys()
    assert "Received" not in first
    assert "DKIM-Signature" not in first
    for name in ("Return-Path", "X-Long", "Empty", "From", "To", "Content-Type"):
        assert first[name].partition("boundary")[0] == second[name].partition("boundary")[0]


def test_a_delivery_that_fails_goes_through_the_queue(
    posts: Posts, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """The answer is 200, and the message arrives when Dovecot can take it."""
    texts = [secrets.token_hex(4) for _ in range(4)]
    written = [peer.signs(alice.writes(carol, text=text)) for text in texts]
    for call in ("fdatasync", "rename"):
        with deadly(
            other_machine.store_of(carol.address), f"--inject={call}:signal=KILL:when=1"
        ) as killed:
            assert posts(written.pop(), carol) == (200, b"250")
        assert killed
    with stopped(other_machine, DOVECOT):
        assert posts(written.pop(), carol) == (200, b"250")
        assert "is empty" not in other_machine.run("postqueue", "-p")
    with stopped(other_machine, FILTER):
        assert posts(written[0], carol)[0] == 503
    carol.leaves()
    other_machine.run("postqueue", "-f")
    # Postfix waits for the filter, too, before it lets a message through again
    wait_for(lambda: posts(written[0], carol) == (200, b"250"), "the filter", within_s=20)

    wait_for(lambda: _texts(carol) == set(texts), "all messages", within_s=40)


def _texts(person: Person) -> set[str]:
    return {letter.text for letter in person.inbox()}
