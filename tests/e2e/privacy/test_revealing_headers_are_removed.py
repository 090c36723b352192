"""Headers that reveal the sender's place, software or subject are removed."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail.smtp import HELLO
from chatmail_testkit.people.person import Person

BETRAYING = {
    "Subject": "meeting at the old mill",
    "User-Agent": "Curious/7.1",
    "X-Mailer": "Curious/7.2",
    "X-Originating-IP": "[203.0.113.77]",
    "Received": "from old-mill.example ([203.0.113.78]) by somewhere.example; Sun, 1 Mar 2026",
}
TRACES = [b"old mill", b"Curious", b"203.0.113.", b"old-mill", HELLO.encode()]


@pytest.mark.parametrize("where", ["bob", "carol"])
def test_revealing_headers_do_not_arrive(
    where: str, alice: Person, request: pytest.FixtureRequest
) -> None:
    """Neither the headers above nor Alice's IP address reach a recipient."""
    recipient: Person = request.getfixturevalue(where)
    own_ip = alice.smtp.local_address.encode()
    alice.sends(recipient, headers=BETRAYING)

    received = recipient.receives()

    assert [trace for trace in [*TRACES, own_ip] if trace in received.raw] == []
    assert received.headers["Subject"] == "[...]"
    present = {name.lower() for name in received.headers}
    assert set() == present & {"user-agent", "x-mailer", "x-originating-ip", "received"}


def test_internal_headers_do_not_arrive(alice: Person, carol: Person) -> None:
    """Headers between relays and their daemons are removed at delivery."""
    alice.sends(carol)

    received = carol.receives().headers

    names = {name.lower() for name in received}
    assert set() == names & {"received", "dkim-signature", "authentication-results"}
