"""Checks of the envelope, and the state that all messages share: flags, limits, keys, memory."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from chatmaild.address import Address, address_or_none
from chatmaild.dkim.resolver import KeyCache
from chatmaild.dkim.signer import Signer
from chatmaild.errors import ChatmaildError, DecisionError, DirectoryError
from chatmaild.filter import verdicts
from chatmaild.filter.envelope import Mailbox, Recipient, read_resolved_path
from chatmaild.filter.limits.memory import ByteBudget
from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter
from chatmaild.filter.mime.author import (
    client_matches_literal,
    ip_address,
    is_domain_literal,
)
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.filter.rules import Reachability
from chatmaild.filter.verdicts import Refuse
from chatmaild.flow.last_seen import LastSeen
from chatmaild.metrics.mail import Tally

_NULL_PATH: Final = (b"<>", b"")


class Ingress(enum.Enum):
    """The service that received a message; values of the macro `{daemon_name}`."""

    SUBMISSION = "submission"
    SMTP = "smtp"
    HTTPS = "mxdeliv"
    BOUNCE = "bounce"  # made on this machine, by Postfix or a local program

    @property
    def is_remote(self) -> bool:
        """Whether it receives mail from other servers, without login."""
        return self is Ingress.SMTP or self is Ingress.HTTPS

    @property
    def label(self) -> str:
        """The name in metrics."""
        return self.name.lower()


@dataclass(slots=True, kw_only=True)
class Envelope:
    """The envelope of one message; `session` completes it step by step.

    Attributes:
        sender: None for the null sender; at submission the login.
        remote_domains: at submission, the domains of recipients on other servers.
        client: IP address of the SMTP client, as Postfix writes it.
    """

    ingress: Ingress
    sender: Mailbox | None = None
    recipients: list[Recipient] = field(default_factory=list)
    remote_domains: set[str] = field(default_factory=set)
    client: str = ""

    @property
    def is_report(self) -> bool:
        """Whether the message is a bounce of this relay."""
        return self.ingress is Ingress.BOUNCE and self.sender is None


class AccountFlags(Protocol):
    """Account flags of the addresses of this relay."""

    def exists(self, address: Address) -> bool: ...
    def is_disabled(self, address: Address) -> bool: ...
    def accepts_clear_text(self, address: Address) -> bool: ...


class Answers(AccountFlags, Protocol):
    """On a front, what is known of the addresses of one message (`directory.answers.Answers`)."""

    def of_message(self) -> Answers: ...
    def know(self, addresses: Iterable[Address]) -> bool: ...
    def ask(self, addresses: Iterable[Address]) -> None: ...
    def is_in_doubt(self, address: Address) -> bool: ...
    def is_nearly_full(self, address: Address) -> bool: ...
    def has_room(self, address: Address, size_bytes: int) -> bool: ...


class MustWaitError(ChatmaildError):
    """The step needs another service, DNS or much computation: take it again in a thread."""


class DomainRules(Protocol):
    """The domains with which the relay exchanges mail (`store.decisions.domains.Domains`)."""

    def allow(self, domain: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Settings, limits and caches that all transactions share."""

    mail_domain: str
    flags: AccountFlags
    recipient_lookup: RecipientLookup
    domains: DomainRules
    limiter: RateLimiter
    domain_limiter: DomainLimiter
    signer: Signer | None
    keys: KeyCache
    header_budget: ByteBudget
    # Held while a thread hashes a large header. Without it 20 such threads delayed all sessions
    # for 2 s: each of them keeps the interpreter lock for 5 ms.
    compute_lock: threading.Lock = field(default_factory=threading.Lock)
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    # None: nobody wants to know
    last_seen: LastSeen | None = None
    # on a front; None: the mailboxes are on this machine
    answers: Answers | None = None
    # is called with the domain of each recipient on another server when the content begins
    expect_mail: Callable[[str], None] = lambda _: None

    def answered_by(self, answers: Answers) -> Policy:
        """The same policy, which knows addresses by these answers alone."""
        lookup = RecipientLookup(answers, answers)
        return replace(self, answers=answers, flags=answers, recipient_lookup=lookup)

    def of_message(self) -> Policy:
        """The policy for one message: on a front it asks for each address once."""
        return self if self.answers is None else self.answered_by(self.answers.of_message())

    def look_up(self, envelope: Envelope, *, may_wait: bool) -> Refuse | None:
        """Look up the addresses of an envelope on a front; the refusal if the sender is in doubt.

        For recipients in doubt mail waits in the queue, so that the others get it at once.

        Raises:
            MustWaitError: the directory has to be asked; only without `may_wait`.
        """
        if self.answers is None:
            return None
        is_ours = envelope.sender is not None and not envelope.ingress.is_remote
        needed = [envelope.sender] if is_ours else []
        recipients = [recipient.mailbox for recipient in envelope.recipients]
        return self._ask(self.answers, needed, recipients, may_wait=may_wait)

    def is_in_doubt(self, mailbox: Mailbox) -> bool:
        """Whether a mailbox is an address of this relay whose store does not answer."""
        answers = self.answers
        return answers is not None and isinstance(mailbox, Address) and answers.is_in_doubt(mailbox)

    def is_disabled(self, mailbox: Mailbox | None) -> bool:
        """Whether a mailbox is an address of this relay that the operator disabled."""
        return isinstance(mailbox, Address) and self.flags.is_disabled(mailbox)

    def enforces_encryption(self, mailbox: Mailbox) -> bool:
        """Whether a recipient takes encrypted mail only; the operator can allow clear text."""
        return not (isinstance(mailbox, Address) and self.flags.accepts_clear_text(mailbox))

    def sender(
        self, ingress: Ingress, path: bytes, *, resolved: bytes, login: bytes, client: str
    ) -> Mailbox | Refuse | None:
        """The envelope sender, None for the null sender, or the refusal.

        A remote sender at a domain literal must have its IP address: a bounce goes there.

        At submission the sender must be the login, and this call counts one message against its
        rate limit: call it once per message.
        """
        if ingress is Ingress.SMTP and self.last_seen is not None:
            self.last_seen.note(client)
        if path in _NULL_PATH and not resolved:
            return verdicts.invalid_mail_from("") if ingress is Ingress.SUBMISSION else None
        found = read_resolved_path(path, resolved, self.mail_domain)
        if found is None:
            return verdicts.invalid_mail_from(_printable(path))
        if ingress.is_remote and not _may_be_from(found.mailbox, client):
            return verdicts.NOT_FROM_ITS_ADDRESS
        if ingress.is_remote and (refusal := self.domain_refusal(found.mailbox.domain)):
            return refusal
        if ingress.is_remote:
            self.keys.expect(found.mailbox.domain)
        if ingress is not Ingress.SUBMISSION:
            return found.mailbox
        if not isinstance(found.mailbox, Address) or found.mailbox != _login(login):
            return verdicts.NOT_OWNER
        name = str(found.mailbox)
        if not self.limiter.allows(name, self.monotonic()):
            return verdicts.too_much_mail(name)
        return found.mailbox

    def recipient(
        self,
        ingress: Ingress,
        path: bytes,
        *,
        resolved: bytes,
        must_exist: bool = False,
        may_wait: bool = True,
    ) -> Recipient | Refuse:
        """The recipient or the refusal.

        Mail from other servers is for addresses of this relay only. Over HTTPS an unknown address
        is accepted unless it `must_exist`: one reply answers all recipients, and the copy for an
        unknown one bounces.

        Raises:
            MustWaitError: the directory has to be asked; only without `may_wait`.
        """
        found = read_resolved_path(path, resolved, self.mail_domain)
        if found is None:
            return verdicts.BAD_RECIPIENT
        if ingress.is_remote and not isinstance(found.mailbox, Address):
            return verdicts.UNKNOWN_RECIPIENT
        must_exist |= ingress is Ingress.SMTP
        if not must_exist:
            return found
        asked = (found.mailbox,)
        if self.answers and (refusal := self._ask(self.answers, asked, (), may_wait=may_wait)):
            return refusal
        return found if self._exists(found.mailbox) else verdicts.UNKNOWN_RECIPIENT

    def domain_refusal(self, domain: str) -> Refuse | None:
        """The refusal of mail from a domain that the operator blocked, otherwise None."""
        try:
            return None if self.domains.allow(domain) else verdicts.DOMAIN_BLOCKED
        except DecisionError:  # is logged there
            return verdicts.DOMAINS_UNREADABLE

    def reachability(self, mailbox: Mailbox) -> Reachability:
        """What is known of delivery to a recipient, without asking another server or Dovecot.

        Raises:
            DecisionError: the rules for domains cannot be read.
            OSError: the mailbox directory cannot be read.
        """
        if not isinstance(mailbox, Address) and not self.domains.allow(mailbox.domain):
            return Reachability.BLOCKED
        return self.recipient_lookup.reachability(mailbox)

    def too_many_domains(self, envelope: Envelope, recipient: Recipient) -> Refuse | None:
        """The refusal of one more recipient by the limits of distinct remote domains, or None.

        An accepted one counts against them.

        Each unknown domain can hold a delivery agent for a minute.
        """
        new = recipient.mailbox
        if envelope.ingress is not Ingress.SUBMISSION or isinstance(new, Address):
            return None
        domains = envelope.remote_domains
        if new.domain not in domains and len(domains) >= self.domain_limiter.per_message:
            return verdicts.TOO_MANY_DOMAINS
        if not self.domain_limiter.allows(str(envelope.sender), new.domain, self.monotonic()):
            return verdicts.TOO_MANY_DOMAINS_NOW
        domains.add(new.domain)
        return None

    def _exists(self, mailbox: Mailbox) -> bool:
        return isinstance(mailbox, Address) and self.flags.exists(mailbox)

    @staticmethod
    def _ask(
        answers: Answers,
        needed: Iterable[Mailbox | None],
        others: Iterable[Mailbox],
        *,
        may_wait: bool,
    ) -> Refuse | None:
        """Ask for mailboxes; the refusal if one that is needed is in doubt."""
        first = [mailbox for mailbox in needed if isinstance(mailbox, Address)]
        addresses = [*first, *(other for other in others if isinstance(other, Address))]
        if not answers.know(addresses):
            if not may_wait:
                raise MustWaitError
            try:
                answers.ask(addresses)
            except DirectoryError:
                return verdicts.STORE_UNAVAILABLE
        return verdicts.STORE_UNAVAILABLE if any(map(answers.is_in_doubt, first)) else None


def _may_be_from(sender: Mailbox, client: str) -> bool:
    is_literal = is_domain_literal(sender.domain)
    return not is_literal or client_matches_literal(ip_address(client), sender.domain)


def _login(name: bytes) -> Address | None:
    return address_or_none(name.decode("ascii", "replace"))


def _printable(path: bytes) -> str:
    return path.decode("utf-8", "replace").removeprefix("<").removesuffix(">")
