"""Parse the lines that Dovecot writes for deliveries, in the form of its event exporter."""

import json
from typing import Final, NamedTuple

from chatmaild.address import Address, address_or_none, parse_address

_DELIVERY: Final = "mail_delivery_finished"
# of ours: an account has come from another store with news for its phones (rebalance/news.py)
MOVED: Final = "chatmail_account_moved"
# how an event begins; not within a string, whose quotes are escaped
_BEGINNING: Final = b'{"event":'


class Delivery(NamedTuple):
    """A delivery to a mailbox, successful or not.

    Attributes:
        owner: the account of the mailbox.
        is_news: whether to notify the owner: it worked, and is no copy of an own message.
        worked: whether the message is in the mailbox.
        message_id: the Message-ID, empty if there is none.
        is_delivery: False if the account came from another store, with its mail.
    """

    owner: Address
    is_news: bool
    worked: bool = True
    size_bytes: int = 0
    message_id: bytes = b""
    is_delivery: bool = True


def delivery(line: bytes) -> Delivery | None:
    """Return the delivery that an event reports, None for other events.

    If Dovecot was killed within a line, the next event follows in the same line: the last counts.
    """
    try:
        event = line[max(0, line.rfind(_BEGINNING)) :]
        document = json.loads(event.decode(errors="replace"))
        if document["event"] not in (_DELIVERY, MOVED):
            return None
        fields = document["fields"]
        owner = parse_address(fields["user"]).account
        if document["event"] == MOVED:
            return Delivery(owner, is_news=True, is_delivery=False)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    sender = address_or_none(str(fields.get("mail_from")).strip("<>"))
    is_own_copy = sender is not None and sender.account == owner
    worked, size_bytes = not fields.get("error"), fields.get("message_size")
    return Delivery(
        owner,
        is_news=worked and not is_own_copy,
        worked=worked,
        size_bytes=size_bytes if isinstance(size_bytes, int) else 0,
        message_id=str(fields.get("message_id") or "").encode(errors="replace"),
    )
