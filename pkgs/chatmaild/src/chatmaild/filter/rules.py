"""What becomes of a message: every rule, in its order, as a pure decision.

Facts that cost something to find out (signatures, markers that few messages need) are asked for by
call, and only where the decision depends on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chatmaild.dkim.verifier import Result
from chatmaild.filter import verdicts
from chatmaild.filter.addresses import IpAddress, author, domain_of, is_literal, proves
from chatmaild.filter.content import Content
from chatmaild.filter.envelope import Mailbox, read_mailbox
from chatmaild.filter.headers import Header, content_type, named, only_text
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
