"""What becomes of a message: every rule, in its order, as a pure decision.

Facts that cost something to find out (signatures, markers that few messages need) are asked for by
call, and only where the decision depends on them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import NamedTuple

from chatmaild.address import domain_of
from chatmaild.dkim.verifier import Result
from chatmaild.filter import verdicts
from chatmaild.filter.content import Content
from chatmaild.filter.envelope import Mailbox, read_mailbox
from chatmaild.filter.mime.author import IpAddress, author, is_literal, proves
from chatmaild.filter.mime.headers import Header, content_type, named, only_text
from chatmaild.filter.verdicts import ACCEPTED, DISCARDED, Accept, Refuse, Verdict


class Message(NamedTuple):
    """What the rules know of a message.

    ``sender`` is None for the null sender; ``recipients`` are those left after the disabled ones
    were removed; ``mail_domain`` is the one of this relay. ``client`` is the IP address that the
    message came from, ``is_report`` says that the body is a delivery report (`report.ReportWalk`).
    """

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]
    headers: list[Header]
    content: Content
    mail_domain: str
    client: IpAddress | None = None
    is_report: bool = False


_ORIGIN: dict[Result, Verdict] = {
    Result.PASS: ACCEPTED,
    Result.NO_SIGNATURE: verdicts.NO_SIGNATURE,
    Result.NO_VALID_SIGNATURE: verdicts.NO_VALID_SIGNATURE,
    Result.KEY_UNAVAILABLE: verdicts.KEY_UNAVAILABLE,
}


def author_of(headers: list[Header]) -> str | Refuse:
    """The address that From names first, or why the message cannot pass."""
    fields = named(headers, b"from")
    if not fields:
        return verdicts.invalid_from_header("missing")
    if len(fields) > 1:
        return verdicts.invalid_from_header("more than one")
    return author(fields[0].text) or verdicts.invalid_from_header("not an address")


def outgoing(
    message: Message, *, sender_disabled: bool, failure: Callable[[], Refuse | None]
) -> Verdict:
    """Rules for what our own people send; the sender was checked and paid for already.

    ``failure`` says why nobody can get the message, None where somebody can.
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
    enforces_encryption: Callable[[Mailbox], bool],
    origin: Callable[[str], Result],
) -> Verdict:
    """Rules for what comes from elsewhere.

    ``enforces_encryption`` says of a recipient whether clear text is unwelcome, ``origin`` what
    the signatures prove about a domain.
    """
    found = author_of(message.headers)
    if isinstance(found, Refuse):
        return found
    is_unwelcome = message.content is Content.CLEAR and any(
        map(enforces_encryption, message.recipients)
    )
    if is_unwelcome and not _is_bounce(message):
        return verdicts.NOT_ENCRYPTED
    domain = domain_of(found)
    proven = _origin_of_literal(message, domain) if is_literal(domain) else _ORIGIN[origin(domain)]
    if not isinstance(proven, Accept):
        return proven
    if not message.recipients:
        return DISCARDED
    # a forwarder or a list: a bounce would reach somebody who never wrote to us
    is_forwarded = not _is_by_sender(message, found)
    return Accept(null_sender=is_forwarded, as_report=is_unwelcome)


def _is_by_sender(message: Message, found: str) -> bool:
    return read_mailbox(found, message.mail_domain) == message.sender


def _origin_of_literal(message: Message, domain: str) -> Verdict:
    """There is no name under which a key could be: the IP address itself has to be the client."""
    return ACCEPTED if proves(message.client, domain) else verdicts.NOT_FROM_ITS_ADDRESS


def _is_autocrypt_setup(message: Message) -> bool:
    """A key sent to oneself, encrypted in its own way (Autocrypt 1.1 section 4.4)."""
    found = content_type(message.headers)
    return (
        message.recipients == (message.sender,)
        and only_text(message.headers, b"subject") == b"Autocrypt Setup Message"
        and found is not None
        and found.media_type == b"multipart/mixed"
    )


def _is_bounce(message: Message) -> bool:
    """A report of another server, which nobody is told about in turn (RFC 3464 section 2)."""
    return message.is_report and not message.sender


# Can a message of our own people reach anybody at all? Bounces come in clear, and Delta Chat drops
# clear mail: without an answer at submission, a message to a deleted address looks delivered.


class Standing(enum.Enum):
    """How an address can be reached."""

    REACHABLE = enum.auto()  # elsewhere, or here with room for every message
    GONE = enum.auto()  # here, and there is none
    NEARLY_FULL = enum.auto()  # here, and only Dovecot knows whether a message fits


class Unreachable(NamedTuple):
    """The recipients of a message where none is certain to be reached."""

    gone: tuple[Mailbox, ...]
    nearly_full: tuple[Mailbox, ...]


def unreachable(
    recipients: Iterable[Mailbox], standing: Callable[[Mailbox], Standing]
) -> Unreachable | None:
    """The recipients, where none is certain to be reached; None where one is, or there is none."""
    found: dict[Standing, list[Mailbox]] = {Standing.GONE: [], Standing.NEARLY_FULL: []}
    for recipient in recipients:
        kind = standing(recipient)
        if kind is Standing.REACHABLE:
            return None
        found[kind].append(recipient)
    gone, nearly_full = (tuple(names) for names in found.values())
    return Unreachable(gone, nearly_full) if gone or nearly_full else None


def nobody_reached(candidates: Unreachable, has_room: Callable[[Mailbox], bool]) -> Refuse | None:
    """The refusal where nobody gets the message.

    Where some addresses are gone and all others are full, it names one that is gone: trying again
    later does not help there.
    """
    if any(map(has_room, candidates.nearly_full)):
        return None
    if candidates.gone:
        return verdicts.no_such_address(str(candidates.gone[0]))
    return verdicts.mailbox_full(str(candidates.nearly_full[0]))


class StoredSize:
    """Counts the bytes of a message as Dovecot stores it: each line end is one byte."""

    def __init__(self) -> None:
        self.bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        self.bytes += len(piece) - piece.count(b"\r\n")
