"""The result of a run: what happened to each copy, and why one arrived twice. Pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loss.ledger import FOR_GOOD, NO_ANSWER, NOT_SENT, OK, Attempt, Find, Happened, Sight

# Troubles after which a server or client does not know whether the other one has a message
# (RFC 1047): a process died, or a connection was lost. Dovecot's processes end when their clock
# goes back, at the start or the end of that trouble.
FORGETTING = ("kill", "kill-child", "cut", "clock")
# A connection may notice its loss later than this after the trouble's end: a TCP retransmission
# waits up to twice as long as the trouble lasted.
AFTERWARDS_S = 30.0
ANSWERS = {OK: "accepted", NO_ANSWER: "unanswered", NOT_SENT: "not sent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts by result, one for each recipient; the lists name token and mailbox."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    bounces: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Return whether nothing was lost, wrong, or doubled without a cause."""
        return not (self.lost or self.unexplained or self.wrong)


def judge(
    attempts: Sequence[Attempt],
    finds: Sequence[Find],
    sights: Sequence[Sight] = (),
    happened: Sequence[Happened] = (),
) -> Outcome:
    """Return the result for each copy: a message with three recipients counts as three.

    A copy of an accepted message must be found once, or a bounce in its sender's mailbox must name
    its recipient. A copy of a refused one must not be found. Without a reply it may be found once,
    besides that of the client's next attempt. All messages are valid, so none may be refused
    permanently.
    """
    outcome = Outcome()
    arrived = Counter((find.token, find.mailbox) for find in finds if not find.is_bounce)
    bounced = Counter((find.token, find.mailbox) for find in finds if find.is_bounce)
    digests: dict[str, set[str]] = defaultdict(set)
    for find in finds:
        if not find.is_bounce:
            digests[find.token].add(find.digest)
        else:
            outcome.bounces[find.reason] += 1
    last_seen = _last(sights)
    for attempt in attempts:
        if attempt.code not in ANSWERS:
            outcome.refusals[attempt.reason] += 1
        for recipient in attempt.recipients:
            times = arrived[attempt.token, recipient]
            returned = bounced[attempt.token, recipient]
            outcome.counts[ANSWERS.get(attempt.code, "refused")] += 1
            outcome.counts["arrived"] += times > 0
            outcome.counts["bounced"] += returned > 0
            name = f"{attempt.token} {recipient}"
            outcome.wrong.extend(f"{name}: {fault}" for fault in _faults(attempt, times, returned))
            if attempt.code == OK and not times and not returned:
                outcome.lost.append(name)
            if times and digests[attempt.token] != {attempt.digest}:
                outcome.wrong.append(f"{name}: not as it was sent")
            if times > 1:
                until_s = last_seen.get((attempt.token, recipient), attempt.end_s)
                cause = cause_of(attempt, recipient, until_s, happened)
                outcome.doubled[cause or "no cause"] += times - 1
                if cause is None:
                    outcome.unexplained.append(f"{name} ({times} times)")
    _count_retries(outcome, attempts, arrived)
    known = {attempt.token for attempt in attempts}
    outcome.wrong.extend(
        f"{find.token} {find.mailbox}: nobody sent it" for find in finds if find.token not in known
    )
    return outcome


def _faults(attempt: Attempt, times: int, returned: int) -> Iterable[str]:
    if attempt.code >= FOR_GOOD:
        yield f"refused for good with {attempt.code}"
    if attempt.code not in (OK, NO_ANSWER) and times:
        yield f"delivered although refused with {attempt.code}"
    if times and returned:
        yield "delivered and bounced"


def cause_of(
    attempt: Attempt, recipient: str, until_s: float, happened: Sequence[Happened]
) -> str | None:
    """Return the trouble that explains a second copy; None if there is none.

    It was at the sender's or the recipient's host, and after the attempt began and before the
    second copy was seen; a lost connection may have been noticed a little after its end.
    """
    hosts = {attempt.sender.partition("@")[2], recipient.partition("@")[2]}
    for trouble in happened:
        within = attempt.begin_s <= trouble.end_s + AFTERWARDS_S and trouble.begin_s <= until_s
        if trouble.kind in FORGETTING and trouble.host in hosts and within:
            return f"{trouble.kind} {trouble.detail}".strip()
    return None


def _last(sights: Sequence[Sight]) -> Mapping[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for sight in sights:
        key = (sight.token, sight.mailbox)
        found[key] = max(sight.seen_s, found.get(key, 0.0))
    return found


def _count_retries(
    outcome: Outcome, attempts: Sequence[Attempt], arrived: Mapping[tuple[str, str], int]
) -> None:
    """Count messages that arrived twice because the client got no reply and tried again."""
    tries: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tries[attempt.message].append(attempt)
    for same in tries.values():
        for recipient in same[0].recipients:
            copies = [each for each in same if arrived.get((each.token, recipient))]
            if len(copies) > 1:
                cause = "no reply after DATA, the client sent it again"
                outcome.doubled[cause] += len(copies) - 1
                answered = [each for each in copies if each.code == OK]
                if len(answered) > 1:
                    outcome.unexplained.append(f"message {same[0].message}: accepted twice")


def delays(
    attempts: Sequence[Attempt], sights: Sequence[Sight]
) -> list[tuple[float, str, Attempt]]:
    """Return the seconds from each reply 250 until the copy was first seen, and its mailbox."""
    first: dict[tuple[str, str], float] = {}
    for sight in sights:
        key = (sight.token, sight.mailbox)
        first[key] = min(sight.seen_s, first.get(key, sight.seen_s))
    return [
        (max(0.0, first[attempt.token, recipient] - attempt.end_s), recipient, attempt)
        for attempt in attempts
        if attempt.code == OK
        for recipient in attempt.recipients
        if (attempt.token, recipient) in first
    ]


def during(attempts: Sequence[Attempt], trouble: Happened) -> list[Attempt]:
    """Return the attempts that ended while a trouble lasted, or within a second after a kill."""
    end_s = max(trouble.end_s, trouble.begin_s + 1.0)
    return [each for each in attempts if trouble.begin_s <= each.end_s and each.begin_s <= end_s]
