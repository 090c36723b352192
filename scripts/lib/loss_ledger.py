"""What was sent, what was found, and what became of each message: data and pure functions."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chatmail_testkit.people.names import Account

FOR_GOOD = 500  # reply codes from here on (RFC 5321 section 4.2.1)
NO_ANSWER = 0  # as reply code: the connection broke before the reply to the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to submit a message; another try of the same message has another token.

    `digest` is that of the body; `code` the first reply that refused it, or 250.
    """

    token: str
    sender: str
    recipients: Sequence[str]
    digest: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A message in a mailbox, or, where `reason` says why it came back, in a bounce.

    `mailbox` is where the message is, or where it should have gone.
    """

    token: str
    mailbox: str
    digest: str = ""
    reason: str = ""

    @property
    def is_bounce(self) -> bool:
        """Whether it came back."""
        return bool(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts by what happened; the lists hold `TOKEN MAILBOX` for a look into the logs."""

    counts: Counter[str]
    reasons: Counter[str]
    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()
    wrong: Sequence[str] = ()


def write_lines(path: Path, items: Iterable[Account | Attempt | Find]) -> None:
    """Writes one JSON object a line."""
    path.write_text("".join(f"{json.dumps(asdict(item))}\n" for item in items))


def read_accounts(path: Path) -> list[Account]:
    """Returns what `write_lines` wrote."""
    return [Account(**json.loads(line)) for line in path.read_text().splitlines()]


def read_attempts(path: Path) -> list[Attempt]:
    """Returns what `write_lines` wrote."""
    return [Attempt(**json.loads(line)) for line in path.read_text().splitlines()]


def read_finds(path: Path) -> list[Find]:
    """Returns what `write_lines` wrote."""
    return [Find(**json.loads(line)) for line in path.read_text().splitlines()]


def judge(attempts: Sequence[Attempt], finds: Sequence[Find]) -> Outcome:
    """Returns what became of each copy: a message with three recipients counts as three.

    A copy whose message was answered with 250 must be found once, or a bounce in its sender's
    mailbox must name its recipient. One that was refused must not be found. Without an answer it
    may be found, but not twice: the client sent it again as a message of its own. No submission may
    be refused for good, because all of them are as they should be.
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
