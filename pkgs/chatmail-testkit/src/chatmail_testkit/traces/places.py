"""Where a relay may keep personal data, each with its reason; any other place is a fault.

docs/threat-model.md lists the same places, with the time until the data is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chatmail_testkit.traces.ledger import Kind

_STATE: Final = "/var/lib/chatmail"
# the group is a directory in which an existing account has its mailbox
_MAILBOX: Final = rf"{_STATE}/mail/(?P<account>[^/]+)"
# sdbox, and maildir until it is converted
_FOLDER: Final = rf"{_MAILBOX}(/mailboxes/.+/dbox-Mails|/\.[^/]+)?"
_MESSAGE: Final = re.compile(rf"{_FOLDER}/(u\.[0-9]+|(cur|new)/[^/]+)")
_QUEUE: Final = "/var/lib/postfix/queue"


@dataclass(frozen=True, slots=True)
class Find:
    """Personal data in a place of a relay, with the bytes around it.

    The place is a file, `name FILE`, `journal`, `process NAME cmdline` or `metrics`.
    """

    place: str
    kind: Kind
    value: str
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where some kinds of personal data may be.

    `is_own`: the address of the mailbox only. `has_message`: only with a message of the same
    mailbox that has it, too.
    """

    kinds: frozenset[Kind]
    form: str
    reason: str
    is_own: bool = False
    has_message: bool = False

    def allows(
        self, find: Find, accounts: Collection[str], in_messages: Collection[tuple[str, str]]
    ) -> bool:
        """Returns whether a find is at this place."""
        match = re.fullmatch(self.form, find.place)
        if find.kind not in self.kinds or match is None:
            return False
        account = match.groupdict().get("account")
        if account is not None and account not in accounts:
            return False
        if self.is_own and str(account).partition("@")[0] != find.value:
            return False
        return not self.has_message or (str(account), find.value) in in_messages


_ADDRESS: Final[frozenset[Kind]] = frozenset({"address"})
_HEADER: Final[frozenset[Kind]] = frozenset({"address", "subject"})
_TOKEN: Final[frozenset[Kind]] = frozenset({"device token"})
_INVITE: Final[frozenset[Kind]] = frozenset({"invite"})

ALLOWED: Final = (
    Place(
        kinds=_ADDRESS,
        form=f"name {_MAILBOX}",
        is_own=True,
        reason="The directory of an account has its address as its name, until it is deleted.",
    ),
    Place(
        kinds=_HEADER,
        form=_MESSAGE.pattern,
        reason="The header of a message names its sender and recipients, until it is deleted.",
    ),
    Place(
        kinds=_HEADER,
        form=rf"{_FOLDER}/(\.temp\.|tmp/)[^/]+",
        reason="A killed delivery leaves what it wrote, until Dovecot deletes it after 36 hours.",
    ),
    Place(
        kinds=_HEADER,
        form=rf"{_FOLDER}/dovecot\.index\.cache",
        has_message=True,
        reason="Dovecot keeps header fields for lists of messages, until the message is deleted.",
    ),
    Place(
        kinds=_ADDRESS,
        form=rf"{_QUEUE}/(incoming|active|deferred|defer|bounce|trace)/.*",
        reason="Envelope and header of a queued message, until it is delivered or bounces.",
    ),
    Place(
        kinds=_TOKEN,
        form=rf"{_MAILBOX}/metadata\.json",
        reason="Device tokens, until they are replaced or not renewed for 90 days.",
    ),
    Place(
        kinds=_ADDRESS | _TOKEN,
        form=rf"{_STATE}/accounts/pending_notifications/[0-9a-f]{{32}}",
        reason="A queued notification, for five hours at most.",
    ),
    Place(
        kinds=_INVITE,
        form=f"name {_STATE}/accounts/invites/[^/]+",
        reason="An invite, until the operator revokes it.",
    ),
)


def faults(finds: Iterable[Find], accounts: Collection[str]) -> Sequence[Find]:
    """Returns the finds that no place allows."""
    finds = list(finds)
    in_messages = {
        (match["account"], find.value)
        for find in finds
        if (match := _MESSAGE.fullmatch(find.place))
    }
    return [
        find
        for find in finds
        if not any(place.allows(find, accounts, in_messages) for place in ALLOWED)
    ]
