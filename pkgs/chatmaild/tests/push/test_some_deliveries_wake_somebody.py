"""What Dovecot's event exporter tells, and who is to be woken for it."""

import json
from typing import Any

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.push.events import delivered_to

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")


def event(**changes: Any) -> bytes:
    fields = {
        "user": str(ALICE),
        "mail_from": str(BOB),
        "rcpt_to": str(ALICE),
        "message_size": 2500,
    }
    return json.dumps({"event": "mail_delivery_finished", "fields": fields | changes}).encode()


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (event(), ALICE),
        (event(mail_from=""), ALICE),
        (event(mail_from=None), ALICE),
        (event(mail_from=f"<{BOB}>"), ALICE),
        (event(user="Alice1234+tag@chat.example.org"), ALICE),
        (event(mail_from=str(ALICE)), None),
        (event(mail_from=str(ALICE).upper()), None),
        (event(mail_from=f"<{ALICE}>"), None),
        (event(error="quota exceeded"), None),
        (event(user="nonsense"), None),
        (b'{"event": "other", "fields": {}}', None),
        (b'{"event": "mail_delivery_finished"}', None),
        (b'{"event": "mail_delivery_finished", "fields": []}', None),
        (b"[]", None),
        (b"null", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
def test_which_deliveries_wake_somebody(body: bytes, address: Address | None) -> None:
    """Copies that people send to themselves do not."""
    assert delivered_to(body) == address
