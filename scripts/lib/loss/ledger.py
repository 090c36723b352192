"""Sent messages, found messages, and the result for each: data and pure functions."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chatmail_testkit.people.names import Account

FOR_GOOD = 500  # permanent failures start here (RFC 5321 section 4.2.1)
NO_ANSWER = 0  # as reply code: the connection broke before the reply to the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to submit a message; a retry has a new token.

    `digest` is that of the body, `code` the first reply that refused it, or 250.
    """

    token: str
    sender: str
    recipients: Sequence[str]
    digest: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A message in a mailbox, or in a bounce if `reason` is set.

    `mailbox` has the message, or should have got it.
    """

    token: str
    mailbox: str
    digest: str = ""
    reason: str = ""

    @property
    def is_bounce(self) -> bool:
        """Return whether it bounced."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts by result; the lists hold `TOKEN MAILBOX`, to find them in the logs."""

    counts: Counter[str]
    reasons: Counter[str]
    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()
    wrong: Sequence[str] = ()


def write_lines(path: Path, items: Iterable[Account | Attempt | Find]) -> None:
    """Write one JSON object per line."""
    path.write_text("".join(f"{json.dumps(asdict(item))}\n" for item in items))


def read_accounts(path: Path) -> list[Account]:
    """Return what `write_lines` wrote."""
    return [Account(**json.loads(line)) for line in path.read_text().splitlines()]


def read_attempts(path: Path) -> list[Attempt]:
    """Return what `write_lines` wrote."""
    return [Attempt(**json.loads(line)) for line in path.read_text().splitlines()]


def read_finds(path: Path) -> list[Find]:
    """Return what `write_lines` wrote."""
    return [Find(**json.loads(line)) for line in path.read_text().splitlines()]


def judge(attempts: Sequence[Attempt], finds: Sequence[Find]) -> Outcome:
    """Return the result of each copy: a message with three recipients counts as three.

    A copy of an accepted message must be found once, or a bounce in its sender's mailbox must name
    its recipient. A copy of a refused one must not be found. Without a reply it may be found once:
    the client's retry counts as another message. All messages are valid, so none may be refused
    permanently.
    """
    arrived = Counter((find.token, find.mailbox) for find in finds if not find.is_bounce)
    bounced = Counter((find.token, find.mailbox) for find in finds if find.is_bounce)
    digests: dict[str, set[str]] = defaultdict(set)
    for find in finds:
        if not find.is_bounce:
            digests[find.token].add(find.digest)
    counts: Counter[str] = Counter()
    lost, doubled, wrong = [], [], []
    for attempt in attempts:
        for recipient in attempt.recipients:
            name = f"{attempt.token} {recipient}"
            times = arrived[attempt.token, recipient]
            returned = bounced[attempt.token, recipient]
            counts[_answer(attempt.code)] += 1
            if attempt.code >= FOR_GOOD:
                wrong.append(f"{name}: refused for good with {attempt.code}")
            counts["delivered"] += times > 0
            counts["bounced"] += returned > 0
            if attempt.code == 250 and not times and not returned:
                lost.append(name)
            if times > 1:
                doubled.append(f"{name} ({times} times)")
            if attempt.code not in (250, NO_ANSWER) and times:
                wrong.append(f"{name}: delivered although refused with {attempt.code}")
            if times and returned:
                wrong.append(f"{name}: delivered and bounced")
            if times and digests[attempt.token] != {attempt.digest}:
                wrong.append(f"{name}: not as it was sent")
    reasons = Counter(find.reason for find in finds if find.is_bounce)
    return Outcome(counts=counts, reasons=reasons, lost=lost, doubled=doubled, wrong=wrong)


def _answer(code: int) -> str:
    if code == 250:
        return "accepted"
    return "unanswered" if code == NO_ANSWER else "put off"
