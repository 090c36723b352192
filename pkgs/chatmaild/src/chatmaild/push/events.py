"""Deliveries as Dovecot's event exporter tells them."""

import json
from typing import NamedTuple

from chatmaild.address import parse_address
from chatmaild.errors import AddressError

_DELIVERY = "mail_delivery_finished"


class Delivery(NamedTuple):
    """A delivery to a mailbox, successful or not.

    Attributes:
        owner: the address of the mailbox.
        is_news: whether its owner wants to hear of it: it worked, and is no copy of an own message.
    """

    owner: str
    is_news: bool


def delivery(body: bytes) -> Delivery | None:
    """The delivery that an event tells of, None for other events."""
    try:
        document = json.loads(body)
        if document["event"] != _DELIVERY:
            return None
        fields = document["fields"]
        owner = parse_address(fields["user"]).mailbox
    except (ValueError, KeyError, TypeError, AttributeError, AddressError):
        return None
    is_news = not fields.get("error") and _mailbox(fields.get("mail_from")) != owner
    return Delivery(owner, is_news)


def _mailbox(sender: object) -> str | None:
    try:
        return parse_address(str(sender).strip("<>")).mailbox
    except AddressError:
        return None
