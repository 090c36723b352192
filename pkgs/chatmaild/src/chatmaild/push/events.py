"""Deliveries as Dovecot's event exporter tells them."""

import json

from chatmaild.address import parse_address
from chatmaild.errors import AddressError

DELIVERY = "mail_delivery_finished"


def delivered_to(body: bytes) -> str | None:
    """The mailbox that a delivery took place in, when its owner wants to hear of it.

    None for other events, failed deliveries and copies that people send to themselves.
    """
    try:
        document = json.loads(body)
        if document["event"] != DELIVERY:
            return None
        fields = document["fields"]
        if fields.get("error"):
            return None
        owner = parse_address(fields["user"]).mailbox
    except (ValueError, KeyError, TypeError, AttributeError, AddressError):
        return None
    return None if _mailbox(fields.get("mail_from")) == owner else owner


def _mailbox(sender: object) -> str | None:
    try:
        return parse_address(str(sender).strip("<>")).mailbox
    except AddressError:
        return None
