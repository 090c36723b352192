"""The tables at the end of a run. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from loss.judge import Outcome, delays, during
from loss.ledger import OK, Attempt, Happened, Sight
from loss.plan import KINDS

SHOWN = 12
PERCENT = 99


def tables(
    outcome: Outcome,
    attempts: Sequence[Attempt],
    sights: Sequence[Sight],
    happened: Sequence[Happened],
    unhealed: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the lines of the summary; `unhealed` are units that stay down, queues not empty."""
    return [
        *_counts(outcome),
        *_counter("refused for now", outcome.refusals),
        *_counter("bounced", outcome.bounces),
        *_counter("doubled", outcome.doubled),
        *_delays(attempts, sights),
        "",
        *_troubles(attempts, sights, happened),
        "",
        *_faults(outcome, unhealed),
    ]


def _counts(outcome: Outcome) -> Iterator[str]:
    yield "copies, one for each recipient of each attempt"
    for what in ("accepted", "arrived", "bounced", "refused", "unanswered", "not sent"):
        yield f"    {what:12}{outcome.counts[what]:8}"


def _counter(title: str, counter: Counter[str]) -> Iterator[str]:
    yield f"{title}: {sum(counter.values())}"
    for reason, count in counter.most_common(SHOWN):
        yield f"    {count:8}  {reason}"


def _delays(attempts: Sequence[Attempt], sights: Sequence[Sight]) -> Iterator[str]:
    found = sorted(delays(attempts, sights), key=lambda each: each[0])
    if not found:
        return
    at = [found[len(found) * percent // 100][0] for percent in (50, PERCENT)]
    longest_s, mailbox, attempt = found[-1]
    way = f"{attempt.sender.partition('@')[2]} to {mailbox.partition('@')[2]}"
    yield f"delay until a waiting client saw it: median {at[0]:.0f} s, {PERCENT} % {at[1]:.0f} s,"
    yield f"    longest {longest_s:.0f} s ({attempt.token}, {way})"


def _troubles(
    attempts: Sequence[Attempt], sights: Sequence[Sight], happened: Sequence[Happened]
) -> Iterator[str]:
    """Yield a row for each kind of trouble: what was sent while it lasted, and its delay."""
    yield f"{'trouble':14}{'times':>7}{'accepted':>10}{'tried again':>13}{'longest delay':>15}"
    waited: dict[str, float] = {}
    for delay_s, _, attempt in delays(attempts, sights):
        waited[attempt.token] = max(delay_s, waited.get(attempt.token, 0.0))
    for kind in KINDS:
        those = [trouble for trouble in happened if trouble.kind == kind]
        sent = {each.token: each for trouble in those for each in during(attempts, trouble)}
        accepted = sum(each.code == OK for each in sent.values())
        longest_s = max((waited.get(token, 0.0) for token in sent), default=0.0)
        row = f"{kind:14}{len(those):7}{accepted:10}{len(sent) - accepted:13}{longest_s:13.0f} s"
        if those:
            yield row


def _faults(outcome: Outcome, unhealed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    lists: Mapping[str, Sequence[str]] = {
        "lost": outcome.lost,
        "doubled without a cause": outcome.unexplained,
        "wrong": outcome.wrong,
        **unhealed,
    }
    for what, items in lists.items():
        yield f"{what:26}{len(items):6}"
        yield from (f"    {item}" for item in items[:SHOWN])
