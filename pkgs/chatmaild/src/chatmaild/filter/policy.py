"""What all messages share: who may submit, what the operator decided, how much memory is left."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chatmaild.address import Address, address_or_none
from chatmaild.dkim.resolver import KeyCache
from chatmaild.dkim.signer import Signer
from chatmaild.filter import verdicts
from chatmaild.filter.envelope import Mailbox, Recipient, agreed
from chatmaild.filter.rate_limit import RateLimiter
from chatmaild.filter.recipients import Recipients
from chatmaild.filter.verdicts import Refuse

_NULL_PATH = (b"<>", b"")


class Ingress(enum.Enum):
    """How a message came to Postfix; the values are its macro ``{daemon_name}``."""

    SUBMISSION = "submission"
    SMTP = "smtp"
    HTTPS = "mxdeliv"
    BOUNCE = "bounce"  # made on this machine

    @property
    def is_foreign(self) -> bool:
        """Whether anybody on the Internet can use it."""
        return self is Ingress.SMTP or self is Ingress.HTTPS


@dataclass(slots=True, kw_only=True)
class Envelope:
    """The envelope of one message, as it comes.

    ``sender`` is None for the null sender; at submission it is the login. ``client`` is the SMTP
    client's IP address as Postfix writes it.
    """

    ingress: Ingress
    sender: Mailbox | None = None
    recipients: list[Recipient] = field(default_factory=list)
    client: str = ""

    @property
    def is_report(self) -> bool:
        """Whether this machine tells what became of another message."""
        return self.ingress is Ingress.BOUNCE and self.sender is None


class AccountFlags(Protocol):
    """What is known of the addresses of this relay."""

    def exists(self, address: Address) -> bool: ...
    def is_disabled(self, address: Address) -> bool: ...
    def accepts_clear_text(self, address: Address) -> bool: ...


class Budget:
    """Bytes that all messages on their way may hold together. Safe for threads.

    ``for_small`` of them are never given to large ones: few senders of these, whose keys DNS does
    not tell for a while, would keep everybody else out.
    """

    def __init__(self, octets: int, *, for_small: int = 0) -> None:
        self._left = octets
        self._for_small = for_small
        self._lock = threading.Lock()

    def take(self, octets: int, *, is_large: bool = False) -> bool:
        """Whether that many were left; takes them if so."""
        with self._lock:
            if octets > self._left - (self._for_small if is_large else 0):
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
    flags: AccountFlags
    recipients: Recipients
    limiter: RateLimiter
    signer: Signer | None
    keys: KeyCache
    headers_in_flight: Budget
    # Held while a large header is computed on. Twenty threads at it had everybody wait for 2 s:
    # each takes the interpreter for 5 ms whenever another lets go of it.
    computing: threading.Lock = field(default_factory=threading.Lock)
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def is_disabled(self, mailbox: Mailbox | None) -> bool:
        """Whether a mailbox is an address of this relay that the operator stopped."""
        return isinstance(mailbox, Address) and self.flags.is_disabled(mailbox)

    def enforces_encryption(self, mailbox: Mailbox) -> bool:
        """Whether clear text is unwelcome: everywhere, but where the operator said otherwise."""
        return not (isinstance(mailbox, Address) and self.flags.accepts_clear_text(mailbox))

    def sender(
        self, ingress: Ingress, path: bytes, *, resolved: bytes, login: bytes
    ) -> Mailbox | Refuse | None:
        """Return the envelope sender, None for the null sender, or why it may not send.

        At submission it is the login, whose budget is counted here: to be asked once for a message.
        """
        if path in _NULL_PATH and not resolved:
            return verdicts.invalid_mail_from("") if ingress is Ingress.SUBMISSION else None
        found = agreed(path, resolved, self.mail_domain)
        if found is None:
            return verdicts.invalid_mail_from(_shown(path))
        if ingress is not Ingress.SUBMISSION:
            return found.mailbox
        if not isinstance(found.mailbox, Address) or found.mailbox != _login(login):
            return verdicts.NOT_OWNER
        name = str(found.mailbox)
        if not self.limiter.allows(name, self.monotonic()):
            return verdicts.too_much_mail(name)
        return found.mailbox

    def recipient(self, ingress: Ingress, path: bytes, *, resolved: bytes) -> Recipient | Refuse:
        """Return a recipient, or why it cannot be one.

        From elsewhere mail comes to addresses of this relay alone. Over HTTPS they need not exist:
        one answer is for all of them, and the copies of those that do not go back.
        """
        found = agreed(path, resolved, self.mail_domain)
        if found is None:
            return verdicts.BAD_RECIPIENT
        if ingress.is_foreign and not isinstance(found.mailbox, Address):
            return verdicts.UNKNOWN_RECIPIENT
        if ingress is Ingress.SMTP and not self._exists(found.mailbox):
            return verdicts.UNKNOWN_RECIPIENT
        return found

    def _exists(self, mailbox: Mailbox) -> bool:
        return isinstance(mailbox, Address) and self.flags.exists(mailbox)


def _login(name: bytes) -> Address | None:
    return address_or_none(name.decode("ascii", "replace"))


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace").removeprefix("<").removesuffix(">")
