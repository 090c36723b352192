"""One message on its way through the filter: fed as it arrives, then decided."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from chatmaild.dkim.canonical import BodyHash, Form
from chatmaild.dkim.resolver import KeyCache
from chatmaild.dkim.signer import Signer
from chatmaild.dkim.verifier import Result, Verification
from chatmaild.errors import AddressError
from chatmaild.filter import rules, verdicts
from chatmaild.filter.addresses import domain_of, is_literal
from chatmaild.filter.cleanup import Change, clean
from chatmaild.filter.content import Content, ContentWalk
from chatmaild.filter.headers import Header
from chatmaild.filter.ratelimit import RateLimiter
from chatmaild.filter.verdicts import Accept, Discard, Refuse, Verdict

_HEADER_LIMIT: Final = 1 << 20  # octets; a thousand recipients and their keys take a tenth
_HEADER_STEP: Final = 1 << 13  # octets reserved at once: enough for the header of most messages


class Entrance(enum.Enum):
    """How a message came to Postfix; the values are its macro ``{daemon_name}``."""

    SUBMISSION = "submission"
    SMTP = "smtp"
    HTTPS = "mxdeliv"
    BOUNCE = "bounce"  # made on this machine

    @property
    def is_foreign(self) -> bool:
        """Whether anybody on the Internet can use it."""
        return self is Entrance.SMTP or self is Entrance.HTTPS


class Markers(Protocol):
    """What the operator decided about addresses of this relay."""

    def is_disabled(self, address: str) -> bool: ...
    def enforces_encryption(self, address: str) -> bool: ...


class Budget:
    """Octets that all messages on their way may hold together. Safe for threads."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._lock = threading.Lock()

    def take(self, octets: int) -> bool:
        """Whether that many were left; takes them if so."""
        with self._lock:
            if octets > self._left:
                return False
            self._left -= octets
            return True

    def give(self, octets: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._left += octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What all messages share."""

    mail_domain: str
    markers: Markers
    limiter: RateLimiter
    signer: Signer | None
    keys: KeyCache
    headers_in_flight: Budget
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def is_local(self, address: str) -> bool:
        """Whether an address belongs to this relay."""
        return domain_of(address) == self.mail_domain

    def is_disabled(self, address: str) -> bool:
        """Whether an address is one of this relay that the operator stopped."""
        try:
            return self.is_local(address) and self.markers.is_disabled(address)
        except AddressError:
            return False

    def enforces_encryption(self, address: str) -> bool:
        """Whether clear text is unwelcome at an address; at what is no address it is."""
        try:
            return self.markers.enforces_encryption(address)
        except AddressError:
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict, and for a message that goes on, what has to be changed.

    ``signature`` is the value of a DKIM-Signature field; ``removed`` are recipients.
    """

    verdict: Verdict
    changes: list[Change] = field(default_factory=list)
    signature: bytes | None = None
    removed: tuple[str, ...] = ()


class Transit:
    """One message: sender and recipients, then header fields, then the body, then the end."""

    def __init__(self, policy: Policy, entrance: Entrance, sender: str) -> None:
        self._policy = policy
        self._entrance = entrance
        self._sender = sender
        self._recipients: list[str] = []
        self._headers: list[Header] = []
        self._header_octets = 0
        self._reserved_octets = 0
        self._walk: ContentWalk | None = None
        self._verification: Verification | None = None
        self._body_hash: BodyHash | None = None
        self._problem: Refuse | None = None
        self.refusal = self._check_sender()

    @property
    def _is_report(self) -> bool:
        return self._entrance is Entrance.BOUNCE and not self._sender

    def _check_sender(self) -> Refuse | None:
        """What every recipient is answered with, decided once for the message."""
        if self._entrance.is_foreign or self._is_report:
            return None
        problem = rules.sender_problem(self._sender)
        if problem is None and self._entrance is Entrance.SUBMISSION:
            key = self._sender.lower()
            if not self._policy.limiter.allows(key, self._policy.monotonic()):
                return verdicts.too_much_mail(self._sender)
        return problem

    def add_recipient(self, address: str) -> None:
        """Take an envelope recipient."""
        self._recipients.append(address)

    def end_of_envelope(self) -> None:
        """All recipients are known: look the markers up while the message is on its way."""
        _ = self._disabled

    @cached_property
    def _disabled(self) -> frozenset[str]:
        """Those of the envelope whom the operator stopped."""
        return frozenset(filter(self._policy.is_disabled, {self._sender, *self._recipients}))

    def add_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; ``value`` as in `Header`."""
        if self._problem is not None:
            return
        octets = self._header_octets + len(name) + len(value) + 200  # what Python adds
        if octets > _HEADER_LIMIT:
            self._problem = verdicts.HEADER_TOO_LARGE
        elif octets > self._reserved_octets and not self._reserve(octets):
            self._problem = verdicts.OVERLOADED
        else:
            self._header_octets = octets
            self._headers.append(Header(name, value))

    def _reserve(self, octets: int) -> bool:
        more = max(octets - self._reserved_octets, _HEADER_STEP)
        if not self._policy.headers_in_flight.take(more):
            return False
        self._reserved_octets += more
        return True

    def end_of_headers(self) -> None:
        """The header is complete: now it is known what to look for in the body."""
        if self._problem is not None:
            return
        if not self._is_report:
            self._walk = ContentWalk(self._headers, strict=not self._entrance.is_foreign)
        if self._entrance.is_foreign:
            found = rules.author_of(self._headers)
            domain = "" if isinstance(found, Refuse) else domain_of(found)
            if domain and not is_literal(domain):
                self._verification = Verification(self._headers, _ascii(domain))
        elif self._leaves(self._recipients):
            self._body_hash = BodyHash(Form.SIMPLE)

    def body(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        for reader in (self._walk, self._verification, self._body_hash):
            if reader is not None:
                reader.feed(octets)

    def end(self) -> Outcome:
        """Decide."""
        if self._problem is not None:
            return Outcome(verdict=self._problem)
        removed = tuple(r for r in self._recipients if r in self._disabled)
        left = tuple(r for r in self._recipients if r not in self._disabled)
        verdict = self._verdict(left)
        if not isinstance(verdict, Accept):
            return Outcome(verdict=verdict)
        if self._entrance.is_foreign:
            return Outcome(verdict=verdict, removed=removed)
        headers, changes = (self._headers, []) if self._is_report else clean(self._headers)
        signature = self._sign(headers) if self._leaves(left) else None
        return Outcome(verdict=verdict, changes=changes, signature=signature, removed=removed)

    def close(self) -> None:
        """Give back what the message held; may be called again."""
        self._policy.headers_in_flight.give(self._reserved_octets)
        self._reserved_octets = 0

    def _verdict(self, recipients: tuple[str, ...]) -> Verdict:
        if self._is_report:
            return Accept() if recipients else Discard()
        content = Content.CLEAR if self._walk is None else self._walk.finish()
        message = rules.Message(
            sender=self._sender,
            recipients=recipients,
            headers=self._headers,
            content=content,
        )
        if self._entrance.is_foreign:
            enforces = self._policy.enforces_encryption
            return rules.incoming(message, enforces_encryption=enforces, origin=self._origin)
        return rules.outgoing(message, sender_disabled=self._sender in self._disabled)

    def _origin(self, _: str) -> Result:
        if self._verification is None:
            return Result.NO_VALID_SIGNATURE
        return self._verification.finish(self._policy.keys, now_s=self._policy.clock())

    def _leaves(self, recipients: list[str] | tuple[str, ...]) -> bool:
        if self._policy.signer is None:
            return False
        return not all(self._policy.is_local(recipient) for recipient in recipients)

    def _sign(self, headers: list[Header]) -> bytes | None:
        if self._policy.signer is None or self._body_hash is None:
            return None
        now_s = int(self._policy.clock())
        return self._policy.signer.sign(headers, self._body_hash.digest(), now_s=now_s).value


def _ascii(domain: str) -> str:
    """A domain as DNS and ``d=`` write it; one that cannot be written is aligned with nothing."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
