"""Every rule for content and recipients, in the order of docs/mail-rules.md, as pure functions.

Facts that are expensive to find out (signatures, account flags) are passed as functions. A rule
calls them only if its decision depends on them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from chatmaild.address import domain_of
from chatmaild.dkim.verifier import Result
from chatmaild.filter import verdicts
from chatmaild.filter.content import Content
from chatmaild.filter.envelope import Mailbox, read_mailbox
from chatmaild.filter.mime.author import (
    IpAddress,
    author,
    client_matches_literal,
    is_domain_literal,
)
from chatmaild.filter.mime.headers import Header, content_type, named, only_text
from chatmaild.filter.verdicts import ACCEPTED, DISCARDED, Accept, Refuse, Verdict


class Message(NamedTuple):
    """The input of the rules.

    Attributes:
        sender: envelope sender, None for the null sender.
        recipients: envelope recipients without the disabled ones.
        headers: the header as received.
        content: class of the body.
        mail_domain: domain of this relay.
        client: IP address of the SMTP client, where it counts.
        is_report: the body is a delivery report (`mime.report.ReportReader`).
    """

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]
    headers: list[Header]
    content: Content
    mail_domain: str
    client: IpAddress | None = None
    is_report: bool = False


_ORIGIN: Final[dict[Result, Verdict]] = {
    Result.PASS: ACCEPTED,
    Result.NO_SIGNATURE: verdicts.NO_SIGNATURE,
    Result.NO_VALID_SIGNATURE: verdicts.NO_VALID_SIGNATURE,
    Result.KEY_UNAVAILABLE: verdicts.KEY_UNAVAILABLE,
}


def author_of(headers: list[Header]) -> str | Refuse:
    """The first address in From, or the refusal (rules O4 and I1)."""
    fields = named(headers, b"from")
    if not fields:
        return verdicts.invalid_from_header("missing")
    if len(fields) > 1:
        return verdicts.invalid_from_header("more than one")
    return author(fields[0].text) or verdicts.invalid_from_header("not an address")


def outgoing(
    message: Message, *, sender_disabled: bool, failure: Callable[[], Refuse | None]
) -> Verdict:
    """The verdict on mail of our own users (rules O4 to O9, O12).

    Sender syntax and rate limit were checked at MAIL. `failure` returns the refusal if no
    recipient can get the message, otherwise None.
    """
    found = author_of(message.headers)
    if isinstance(found, Refuse):
        return found
    if not _is_by_sender(message, found):
        return verdicts.forged_from(found, str(message.sender or ""))
    if message.content is Content.CLEAR and not _is_autocrypt_setup(message):
        return verdicts.NOT_ENCRYPTED
    if not message.recipients or sender_disabled:
        return DISCARDED
    return failure() or ACCEPTED


def incoming(
    message: Message,
    *,
    domain_refusal: Callable[[str], Refuse | None],
    enforces_encryption: Callable[[Mailbox], bool],
    is_in_doubt: Callable[[Mailbox], bool] = lambda _: False,
    origin: Callable[[str], Result],
) -> Verdict:
    """The verdict on mail from other servers (rules I1 to I8, I10).

    `domain_refusal` returns the refusal of a domain that the operator blocked.
    `enforces_encryption` tells whether a recipient takes encrypted mail only, `is_in_doubt` whether
    that cannot be known now, `origin` what the DKIM signatures prove for the author's domain.
    """
    found = author_of(message.headers)
    if isinstance(found, Refuse):
        return found
    domain = domain_of(found)
    if refusal := domain_refusal(domain):
        return refusal
    must_be_encrypted = message.content is Content.CLEAR and any(
        map(enforces_encryption, message.recipients)
    )
    if must_be_encrypted and not _is_bounce(message):
        known = (recipient for recipient in message.recipients if not is_in_doubt(recipient))
        is_certain = any(map(enforces_encryption, known))
        return verdicts.NOT_ENCRYPTED if is_certain else verdicts.STORE_UNAVAILABLE
    proven = (
        _origin_of_literal(message, domain)
        if is_domain_literal(domain)
        else _ORIGIN[origin(domain)]
    )
    if not isinstance(proven, Accept):
        return proven
    if not message.recipients:
        return DISCARDED
    # a forwarder or a mailing list: a bounce would reach a stranger
    is_forwarded = not _is_by_sender(message, found)
    return Accept(null_sender=is_forwarded, as_report=must_be_encrypted)


def _is_by_sender(message: Message, found: str) -> bool:
    return read_mailbox(found, message.mail_domain) == message.sender


def _origin_of_literal(message: Message, domain: str) -> Verdict:
    """Rule I8: a literal has no DNS name for a DKIM key, so the client's IP address must match."""
    is_proven = client_matches_literal(message.client, domain)
    return ACCEPTED if is_proven else verdicts.NOT_FROM_ITS_ADDRESS


def _is_autocrypt_setup(message: Message) -> bool:
    """Whether it is an Autocrypt Setup Message to the sender (Autocrypt 1.1 section 4.4)."""
    found = content_type(message.headers)
    return (
        message.recipients == (message.sender,)
        and only_text(message.headers, b"subject") == b"Autocrypt Setup Message"
        and found is not None
        and found.media_type == b"multipart/mixed"
    )


def _is_bounce(message: Message) -> bool:
    """Whether it is a delivery report with the null sender (RFC 3464 section 2)."""
    return message.is_report and not message.sender


# Rule O12. Bounces are clear text, and Delta Chat drops clear text: without a refusal at
# submission, a message to a deleted address looks delivered.


class Reachability(enum.Enum):
    """What is known of delivery to a recipient."""

    REACHABLE = enum.auto()  # another server, or a mailbox of ours that has room
    UNKNOWN = enum.auto()  # our domain, but no such account
    BLOCKED = enum.auto()  # another domain that the operator blocked
    NEARLY_FULL = enum.auto()  # a mailbox of ours; only Dovecot knows whether a message fits


class DeliveryDoubt(NamedTuple):
    """All recipients of a message of which none is certain to get it."""

    unknown: tuple[Mailbox, ...] = ()
    blocked: tuple[Mailbox, ...] = ()
    nearly_full: tuple[Mailbox, ...] = ()


def delivery_doubt(
    recipients: Iterable[Mailbox], reachability: Callable[[Mailbox], Reachability]
) -> DeliveryDoubt | None:
    """The recipients if none is certain to get the message; None if one is, or without any."""
    found: dict[Reachability, list[Mailbox]] = {
        Reachability.UNKNOWN: [],
        Reachability.BLOCKED: [],
        Reachability.NEARLY_FULL: [],
    }
    for recipient in recipients:
        kind = reachability(recipient)
        if kind is Reachability.REACHABLE:
            return None
        found[kind].append(recipient)
    doubt = DeliveryDoubt(*(tuple(names) for names in found.values()))
    return doubt if any(doubt) else None


def delivery_refusal(doubt: DeliveryDoubt, has_room: Callable[[Mailbox], bool]) -> Refuse | None:
    """The refusal if no recipient gets the message, otherwise None.

    If the reasons differ, the reply names an account that does not exist, or else a blocked domain:
    these failures last.
    """
    if any(map(has_room, doubt.nearly_full)):
        return None
    if doubt.unknown:
        return verdicts.no_such_address(str(doubt.unknown[0]))
    if doubt.blocked:
        return verdicts.all_domains_blocked(str(doubt.blocked[0]))
    return verdicts.mailbox_full(str(doubt.nearly_full[0]))


class StoredSize:
    """Size in bytes of a body as Dovecot stores it: each line end is one byte."""

    def __init__(self) -> None:
        self.bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        self.bytes += len(piece) - piece.count(b"\r\n")
