"""What all messages share: who may submit, what the operator decided, how much memory is left."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chatmaild.dkim.resolver import KeyCache
from chatmaild.dkim.signer import Signer
from chatmaild.errors import AddressError
from chatmaild.filter import rules, verdicts
from chatmaild.filter.addresses import domain_of
from chatmaild.filter.ratelimit import RateLimiter
from chatmaild.filter.standing import Recipients
from chatmaild.filter.verdicts import Refuse


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

    def is_report(self, sender: str) -> bool:
        """Whether a message from that envelope sender tells what became of another one."""
        return self is Entrance.BOUNCE and not sender


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
    recipients: Recipients
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

    def refusal(self, entrance: Entrance, sender: str) -> Refuse | None:
        """What every recipient of a message is answered with, None where it may come.

        Counts the message; to be asked once.
        """
        if entrance.is_foreign or entrance.is_report(sender):
            return None
        problem = rules.sender_problem(sender)
        if problem is not None or entrance is not Entrance.SUBMISSION:
            return problem
        is_allowed = self.limiter.allows(sender.lower(), self.monotonic())
        return None if is_allowed else verdicts.too_much_mail(sender)
