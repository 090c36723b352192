"""What `chatmail queue` prints: by destination, or message by message."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from chatmaild.operator.mailqueue.messages import Message
from chatmaild.operator.mailqueue.reasons import in_words

DAY_S: Final = 86_400.0
# mail to a dead domain is tried for one hour, see transport/silence.py
DEAD_S: Final = 3600.0
# qmgr scans the deferred queue every 30 s (queue_run_delay)
SCAN_S: Final = 30.0
_KEY: Final = secrets.token_bytes(16)

Hide = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The mail for one domain.

    Attributes:
        reasons: reason in words -> number of recipients.
        next_try_s: seconds until the next try; None if there is none or it is running.
        gives_up_s: seconds until the oldest message is returned; None if all are held.
    """

    domain: str
    messages: int
    held: int
    size_bytes: int
    oldest_s: float
    reasons: dict[str, int]
    next_try_s: float | None
    gives_up_s: float | None

    def lines(self) -> list[str]:
        """Return the destination as text."""
        counted = "1 message" if self.messages == 1 else f"{self.messages} messages"
        head = (
            f"{self.domain}  {counted}, {self.size_bytes / 1e6:.1f} MB, oldest {ago(self.oldest_s)}"
        )
        why = [f"{words} ({count})" for words, count in self.reasons.items()]
        return [head, *(f"    {text}" for text in why), f"    {self._next()}"]

    def _next(self) -> str:
        held = f"{self.held} held until `chatmail queue release {self.domain}`"
        if self.held == self.messages:
            return held
        if self.next_try_s is None:
            plan = "is being tried now"
        elif self.next_try_s <= SCAN_S:
            plan = "next try within 30 s"
        else:
            plan = f"next try in {ago(self.next_try_s)}"
        if self.gives_up_s is not None:
            limit = max(self.gives_up_s, 0.0)
            plan += f"; the oldest is returned to its sender in {ago(limit)}"
        return f"{plan}; {held}" if self.held else plan


def ago(seconds: float) -> str:
    """Return a duration in its two largest units."""
    minutes = max(int(seconds) // 60, 0)
    if minutes < 60:
        return f"{minutes} min" if minutes else f"{max(int(seconds), 0)} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def destinations(
    messages: Iterable[Message],
    *,
    now_s: float,
    lifetime_s: float,
    is_dead: Callable[[str], bool] = lambda _: False,
) -> list[Destination]:
    """Return the destinations, most messages first.

    Args:
        lifetime_s: how long Postfix tries (maximal_queue_lifetime).
        is_dead: whether a domain has not answered for a month.
    """
    by_domain: dict[str, list[Message]] = {}
    for message in messages:
        for domain in message.domains:
            by_domain.setdefault(domain, []).append(message)
    found = [
        _destination(domain, group, now_s, DEAD_S if is_dead(domain) else lifetime_s)
        for domain, group in by_domain.items()
    ]
    return sorted(found, key=lambda d: (-d.messages, d.domain))


def _destination(
    domain: str, group: Sequence[Message], now_s: float, lifetime_s: float
) -> Destination:
    reasons = Counter(
        in_words(recipient.reason)
        for message in group
        for recipient in message.recipients
        if recipient.domain == domain
    )
    moving = [message for message in group if message.queue != "hold"]
    tries = [m.next_try_s for m in moving if m.next_try_s is not None]
    oldest = min(message.arrival_s for message in group)
    return Destination(
        domain=domain,
        messages=len(group),
        held=len(group) - len(moving),
        size_bytes=sum(message.size_bytes for message in group),
        oldest_s=now_s - oldest,
        reasons=dict(reasons.most_common()),
        next_try_s=max(min(tries) - now_s, 0.0) if len(tries) == len(moving) and tries else None,
        gives_up_s=min(m.arrival_s for m in moving) + lifetime_s - now_s if moving else None,
    )


def hidden(address: str) -> str:
    """Return an address with its local part hashed, with one key per listing."""
    local, at, domain = address.rpartition("@")
    if not at:
        return address  # MAILER-DAEMON
    digest = hashlib.blake2b(local.lower().encode(), key=_KEY, digest_size=4).hexdigest()
    return f"{digest}@{domain}"


def shown(address: str) -> str:
    """Return an address as it is."""
    return address


def message_lines(message: Message, *, now_s: float, hide: Hide) -> list[str]:
    """Return a message as text; with Postfix' own reasons only if addresses are shown."""
    head = f"{message.name}  {message.queue}, {ago(now_s - message.arrival_s)} old"
    lines = [f"{head}, {message.size_bytes} bytes, from {hide(message.sender)}"]
    for recipient in message.recipients:
        why = recipient.reason if hide is shown and recipient.reason else in_words(recipient.reason)
        lines.append(f"    to {hide(recipient.address)}: {why}")
    return lines


def as_document(
    found: Sequence[Destination], messages: Sequence[Message] | None, hide: Hide
) -> dict[str, Any]:
    """Return the queue for programs, with the messages unless they are None."""
    document: dict[str, Any] = {"destinations": [asdict(d) for d in found]}
    if messages is not None:
        document["messages"] = [_as_document(message, hide) for message in messages]
    return document


def _as_document(message: Message, hide: Hide) -> dict[str, Any]:
    document = asdict(message) | {"sender": hide(message.sender)}
    document["recipients"] = [
        {
            "address": hide(recipient.address),
            "reason": recipient.reason if hide is shown else in_words(recipient.reason),
        }
        for recipient in message.recipients
    ]
    return document
