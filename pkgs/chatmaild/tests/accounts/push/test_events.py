"""Events of Dovecot's exporter, and which of them are notified."""

import json
from typing import Any

import pytest

from chatmaild.accounts.push.events import Delivery, delivery
from chatmaild.address import parse_address

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")


def event(**changes: Any) -> bytes:
    fields = {
        "user": str(ALICE),
        "mail_from": str(BOB),
        "rcpt_to": str(ALICE),
        "message_size": 2500,
    }
    document = {"event": "mail_delivery_finished", "fields": fields | changes}
    return json.dumps(document, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event(), Delivery(ALICE, True)),
        (event(mail_from=""), Delivery(ALICE, True)),
        (event(mail_from=None), Delivery(ALICE, True)),
        (event(mail_from=f"<{BOB}>"), Delivery(ALICE, True)),
        (event(user="Alice1234+tag@chat.example.org"), Delivery(ALICE, True)),
        (event(mail_from=str(ALICE)), Delivery(ALICE, False)),
        (event(mail_from=str(ALICE).upper()), Delivery(ALICE, False)),
        (event(mail_from=f"<{ALICE}>"), Delivery(ALICE, False)),
        (event(error="quota exceeded"), Delivery(ALICE, False)),
        (event(user="nonsense"), None),
        (event(message_id="\udcff").replace(b"\\udcff", b"\xff"), Delivery(ALICE, True)),
        # the rest of a line that Dovecot did not finish
        (
            b'{"event":"mail_delivery_finished","fields":{"user":"ali' + event(),
            Delivery(ALICE, True),
        ),
        (b'{"event": "other", "fields": {}}', None),
        (b'{"event": "mail_delivery_finished"}', None),
        (b'{"event": "mail_delivery_finished", "fields": []}', None),
        (b"[]", None),
        (b"null", None),
        (b"{", None),
        (b"\xff", None),
    ],
)
def test_deliveries_to_notify(body: bytes, expected: Delivery | None) -> None:
    """Not copies of own messages, and not failed deliveries."""
    found = delivery(body)

    assert (expected and expected[:2]) == (found and found[:2])


def test_what_is_counted() -> None:
    """Whether it worked, the size, and the Message-ID, whatever Dovecot reports."""
    told = delivery(event(message_id="<1@example.org>"))
    odd = delivery(event(message_id=None, message_size="many", error="quota exceeded"))

    assert told is not None
    assert told[2:5] == (True, 2500, b"<1@example.org>")
    assert odd is not None
    assert odd[2:5] == (False, 0, b"")


def test_an_account_that_has_come_is_news() -> None:
    """Its phones are notified, and it counts as no delivery."""
    found = delivery(
        b'{"event":"chatmail_account_moved","fields":{"user":"alice1234@example.org"}}\n'
    )

    assert found is not None
    assert found.is_news
    assert not found.is_delivery
