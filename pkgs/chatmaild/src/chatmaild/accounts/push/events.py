"""Parse deliveries that Dovecot's event exporter posts."""

import json
from typing import Final, NamedTuple

from chatmaild.address import Address, address_or_none, parse_address

_DELIVERY: Final = "mail_delivery_finished"


class Delivery(NamedTuple):
    """A delivery to a mailbox, successful or not.

    Attributes:
        owner: the account of the mailbox.
        is_news: whether to notify the owner: it worked, and is no copy of an own message.
    """

    owner: Address
    is_news: bool


def delivery(body: bytes) -> Delivery | None:
    """Return the delivery that an event reports, None for other events."""
    try:
        document = json.loads(body)
        if document["event"] != _DELIVERY:
            return None
        fields = document["fields"]
        owner = parse_address(fields["user"]).account
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    sender = address_or_none(str(fields.get("mail_from")).strip("<>"))
    is_own_copy = sender is not None and sender.account == owner
    return Delivery(owner, is_news=not fields.get("error") and not is_own_copy)
