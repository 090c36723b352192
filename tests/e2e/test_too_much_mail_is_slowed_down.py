"""One address cannot flood others: after a burst, it waits."""

from __future__ import annotations

from chatmail_testkit.people.person import Person

BURST = 10


def test_after_the_burst(alice: Person, bob: Person) -> None:
    """Ten messages at once pass; soon after that the answer is 450, and nobody else is slowed."""
    message = alice.writes(bob)

    replies = [alice.submits(message, bob) for _ in range(BURST + 15)]

    assert [reply.code for reply in replies[:BURST]] == [250] * BURST
    slowed = [reply for reply in replies if reply.code != 250]
    assert slowed
    assert {450} == {reply.code for reply in slowed}
    assert "4.7.1: Too much mail from" in slowed[0].text
    assert bob.submits(bob.writes(alice), alice).code == 250
