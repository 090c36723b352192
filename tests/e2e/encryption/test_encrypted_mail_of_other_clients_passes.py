"""Encrypted mail of Thunderbird, GPGTools and web mailers passes in both directions."""

from __future__ import annotations

import pytest
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.samples import mail_programs
from chatmail_testkit.samples.mail_programs import FOREIGN_FORMS, FORMS


@pytest.mark.parametrize("where", ["bob", "carol"])
@pytest.mark.parametrize("program", FORMS)
def test_it_is_accepted_at_submission(
    program: str, where: str, alice: Person, request: pytest.FixtureRequest
) -> None:
    """It arrives here and at another relay, which checks it again."""
    recipient: Person = request.getfixturevalue(where)
    message = FORMS[program].writes(alice, [recipient], program)

    reply = alice.submits(message, recipient)

    assert reply.code == 250, reply.text
    assert mail_programs.text_of(recipient.receives()) == program


@pytest.mark.parametrize("program", FORMS | FOREIGN_FORMS)
def test_it_is_accepted_at_port_25(program: str, peer: Peer, alice: Person, carol: Person) -> None:
    """From a server that signs."""
    form = (FORMS | FOREIGN_FORMS)[program]
    message = peer.signs(form.writes(alice, [carol], program))

    reply = peer.delivers(message, carol, mail_from=alice.address)

    assert reply.code == 250, reply.text
    assert mail_programs.text_of(carol.receives()) == program


@pytest.mark.parametrize("what", FOREIGN_FORMS)
def test_free_text_is_refused_at_submission(what: str, alice: Person, bob: Person) -> None:
    """Parts that could hold a user's text do not leave."""
    message = FOREIGN_FORMS[what].writes(alice, [bob], what)

    assert alice.submits(message, bob).code == 523
