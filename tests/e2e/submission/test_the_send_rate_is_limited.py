"""The send rate of an address is limited after a burst."""

from __future__ import annotations

from chatmail_testkit.people.person import Person

BURST = 10


def test_mail_after_the_burst_is_deferred(alice: Person, bob: Person) -> None:
    """Ten messages pass, then 450 follows; other addresses are not affected."""
    message = alice.writes(bob)

    replies = [alice.submits(message, bob) for _ in range(BURST + 15)]

    assert [reply.code for reply in replies[:BURST]] == [250] * BURST
    slowed = [reply for reply in replies if reply.code != 250]
    assert slowed
    assert {450} == {reply.code for reply in slowed}
    assert "4.7.1: Too much mail from" in slowed[0].text
    assert bob.submits(bob.writes(alice), alice).code == 250
