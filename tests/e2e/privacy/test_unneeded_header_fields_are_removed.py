"""Headers are clear text, so fields that recipients do not need are removed at submission."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.person import Person

GOES = {
    "Bcc": "<secret@c.test>",
    "Comments": "meet at the old mill",
    "Keywords": "old mill, noon",
    "Organization": "Friends of the old mill",
    "Thread-Topic": "the old mill",
    "List-ID": "old mill <list.example>",
    "Content-Description": "about the old mill",
    "X-Anything": "the old mill",
    "X-Spaced ": "the old mill",
    "x-folded": "the\r\n old\r\n mill",
    "Chat-Group-Name": "the old mill",
    "DKIM-Signature": "v=1; d=old-mill.example",
}
STAYS = {
    "Autocrypt": "addr=x@y.example; keydata=AAAA",
    "Auto-Submitted": "auto-generated",
    "Content-Language": "en-US",
    "Disposition-Notification-To": "<x@y.example>",
    "Importance": "high",
    "In-Reply-To": "<parent@x.example>",
    "References": "<grandparent@x.example> <parent@x.example>",
    "Reply-To": "<x@y.example>",
    "Chat-Is-Post-Message": "1",
}


@pytest.mark.parametrize("where", ["bob", "carol"])
def test_unneeded_fields_do_not_arrive(
    where: str, alice: Person, request: pytest.FixtureRequest
) -> None:
    """The message is accepted without an error."""
    recipient: Person = request.getfixturevalue(where)
    alice.sends(recipient, headers=GOES | STAYS)

    received = recipient.receives()

    present = {name.lower() for name in received.headers}
    assert set() == present & {name.strip().lower() for name in GOES}
    assert b"mill" not in received.raw
    assert b"secret@" not in received.raw
    assert {name: received.headers[name] for name in STAYS} == STAYS
    assert received.text == "hello"


def test_comments_in_mime_version_are_removed(alice: Person, carol: Person) -> None:
    """Apple Mail puts its name there."""
    alice.sends(carol, headers={"MIME-Version": "1.0 (Mac OS X Mail 16.0)"})

    assert carol.receives().headers["MIME-Version"] == "1.0"
