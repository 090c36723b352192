"""Deliveries as Dovecot's event exporter tells them."""

import json

from chatmaild.address import Address, address_or_none, parse_address

DELIVERY = "mail_delivery_finished"


def delivered_to(body: bytes) -> Address | None:
    """The account that a message was delivered to, if its devices are to be woken.

    None for other events, failed deliveries and copies that people send to themselves.
    """
    try:
        document = json.loads(body)
        if document["event"] != DELIVERY:
            return None
        fields = document["fields"]
        if fields.get("error"):
            return None
        owner = parse_address(fields["user"]).account
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    sender = address_or_none(str(fields.get("mail_from")).strip("<>"))
    return None if sender and sender.account == owner else owner
