"""A full mailbox refuses the next message, and the sender gets the reason."""

from __future__ import annotations

import time

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import MAIL, fill
from chatmail_testkit.relays.target import AS_VMAIL, Machine
from chatmail_testkit.waiting import wait_for

FILLING, FILLING_BYTES = 17, 30_840_000  # 500 MiB less 8000 bytes
TOO_MUCH = "x" * 20_000


def test_submission_refuses_it(alice: Person, bob: Person, machine: Machine) -> None:
    """A small message still fits; a larger one is refused with the reply of the delivery."""
    _fill(bob, machine)
    _gets_one_more(alice, bob, machine)

    reply = alice.submits(alice.writes(bob, text=TOO_MUCH), bob)

    text = f"5.2.2 <{bob.address}> Quota exceeded (mailbox for user is full)"
    assert (reply.code, reply.text) == (552, text)
    alice.sends(bob, text="fits, too")
    wait_for(lambda: _count(bob) == FILLING + 2, "what fits")


def test_the_rest_of_a_group_gets_the_message(alice: Person, bob: Person, machine: Machine) -> None:
    """A bounce names the full mailbox."""
    _fill(bob, machine)
    _gets_one_more(alice, bob, machine)

    alice.sends(bob, alice, text=TOO_MUCH)

    received = [alice.receives() for _ in range(2)]
    [bounce] = [x for x in received if x.headers.get_content_type() == "multipart/report"]
    assert b"Status: 5.2.2" in bounce.raw
    assert _count(bob) == FILLING + 1


def test_an_unknown_recipient_has_priority(alice: Person, bob: Person, machine: Machine) -> None:
    """The reply names the unknown recipient, because that error is permanent."""
    _fill(bob, machine)
    _gets_one_more(alice, bob, machine)
    nobody = f"nobody123@{bob.domain}"

    reply = alice.submits(alice.writes(bob, text=TOO_MUCH), bob, nobody)

    text = f"5.1.1 <{nobody}>: Recipient address rejected: User unknown"
    assert (reply.code, reply.text) == (550, text)


def test_a_newly_full_mailbox_bounces_first(alice: Person, bob: Person, machine: Machine) -> None:
    """The first message that does not fit bounces, the second is refused."""
    _fill(bob, machine)

    alice.sends(bob, text=TOO_MUCH)
    bounce = alice.receives()

    assert b"Status: 5.2.2" in bounce.raw
    wait_for(
        lambda: alice.submits(alice.writes(bob, text=TOO_MUCH), bob).code == 552,
        "the refusal",
    )


def test_a_mailbox_with_room_accepts_again(alice: Person, bob: Person, machine: Machine) -> None:
    """The largest messages go, and then the flag."""
    _fill(bob, machine)
    _gets_one_more(alice, bob, machine)
    assert alice.submits(alice.writes(bob, text=TOO_MUCH), bob).code == 552

    bob.imap.delete_messages(bob.imap.search(["LARGER", FILLING_BYTES - 1]))
    bob.imap.expunge()
    alice.sends(bob, text=TOO_MUCH)

    wait_for(lambda: _count(bob) == 2, "the message")
    flag = f"{MAIL}/{bob.address}/nearly-full"
    wait_for(lambda: not machine.run("sh", "-c", f"ls {flag} || true"), "room")


def _gets_one_more(sender: Person, recipient: Person, machine: Machine) -> None:
    """Deliver one message, and let the relay look at the quota, as when Dovecot warns."""
    sender.sends(recipient, text="fits")
    wait_for(lambda: _count(recipient) == FILLING + 1, "what fits")
    machine.run(*AS_VMAIL, "chatmaild", "quota-clean", "--", recipient.address)


def _count(person: Person) -> int:
    person.imap.noop()
    return len(person.imap.search("ALL"))


def _fill(person: Person, machine: Machine) -> None:
    """Add messages of today, which do not expire."""
    fill(person, machine, FILLING, FILLING_BYTES, stored_s=time.time() - 3600)
