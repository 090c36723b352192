"""A message with an unknown recipient among others bounces for that one only."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person


@pytest.mark.parametrize("domain", ["relay", "other_relay"])
def test_the_others_get_the_message(
    domain: str, alice: Person, request: pytest.FixtureRequest
) -> None:
    """Submission accepts it; the other recipients get it, and the sender gets a bounce."""
    nobody = f"{new_name()}@{request.getfixturevalue(domain)}"

    alice.sends(nobody, alice, text="to a group")

    received = [alice.receives() for _ in range(2)]
    [copy] = [letter for letter in received if letter.headers.get("Chat-Version")]
    [bounce] = [letter for letter in received if letter != copy]
    assert copy.text == "to a group"
    assert bounce.headers.get_content_type() == "multipart/report"
    assert bounce.headers["From"].lower().count(f"mailer-daemon@{alice.domain}") == 1
    assert nobody.encode() in bounce.raw
    assert b"5.1.1" in bounce.raw
