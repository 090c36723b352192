"""Domains that have not answered for a month: their mail is returned after an hour.

A domain is silent from the first probe that none of its IP addresses answers (`outbound/probe.py`),
as after a failed delivery over HTTPS, until one of its hosts accepts a connection. Ten days without
mail restart the month. The hour starts at the first try after a pause, so mail is never returned
without recent tries.

    STATE/silence/key       32 random bytes
    STATE/silence/domains   JSON: keyed hash of a domain -> [first day, last day] of failures

Postfix has one lifetime for all destinations (maximal_queue_lifetime). It looks up the route at
each try; for a domain that is given up the route is an error, and Postfix returns the mail.
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmaild.bounded import Bounded
from chatmaild.store.files import write_atomically

_log = logging.getLogger(__name__)

DIRECTORY: Final = "silence"
KEY_BYTES: Final = 32
HASH_BYTES: Final = 16
DAY_S: Final = 86_400
SILENT_DAYS: Final = 30
# longer than usual pauses between messages; after it, the state of the domain is unknown
GAP_DAYS: Final = 10
TRY_FOR_S: Final = 3600.0
# Postfix tries at least every half hour (maximal_backoff_time)
PAUSE_S: Final = 3600.0
# one lost connection decides nothing
MIN_FAILURES: Final = 3
MAX_ENTRIES: Final = 20_000


class Series:
    """The tries since the last pause."""

    __slots__ = ("failed_s", "failures", "last_s", "since_s")

    def __init__(self, now_s: float) -> None:
        self.since_s = self.last_s = now_s
        self.failures = 0
        self.failed_s = 0.0


class Silence:
    """Domains that do not answer, by keyed hash.

    Args:
        clock_s: Unix seconds.
    """

    def __init__(self, key: bytes = b"", clock_s: Callable[[], float] = time.time) -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)
        self._clock_s = clock_s
        self._days: Bounded[str, tuple[int, int]] = Bounded(MAX_ENTRIES)
        self._series: Bounded[str, Series] = Bounded(MAX_ENTRIES)
        self.changed = False

    def fails(self, domain: str) -> None:
        """Record that no host of the domain accepts a connection now."""
        name, now_s = self._hash(domain), self._clock_s()
        today = int(now_s // DAY_S)
        first, last = self._days.get(name, (today, today))
        if today - last > GAP_DAYS:
            first = today
        if self._days.get(name) != (first, today):
            self._days[name] = (first, today)
            self.changed = True
        series = self._current(name, now_s)
        series.failures += 1
        series.failed_s = series.last_s = now_s

    def answers(self, domain: str) -> None:
        """Record that a host of the domain accepted a connection."""
        name = self._hash(domain)
        self._series.pop(name, None)
        if self._days.pop(name, None) is not None:
            self.changed = True

    def is_dead(self, domain: str) -> bool:
        """Whether the domain has not answered for a month, with failures all along."""
        return self._is_dead(self._hash(domain), self._clock_s())

    def gives_up(self, domain: str) -> bool:
        """Whether to return mail for the domain now; counts as a try."""
        name, now_s = self._hash(domain), self._clock_s()
        if not self._is_dead(name, now_s):
            return False
        series = self._current(name, now_s)
        series.last_s = now_s
        if now_s - series.since_s >= 2 * TRY_FOR_S:
            # the domain may be back: try for another hour
            self._series[name] = Series(now_s)
            return False
        return (
            now_s - series.since_s >= TRY_FOR_S
            and series.failures >= MIN_FAILURES
            and now_s - series.failed_s < 2 * TRY_FOR_S
        )

    def as_json(self) -> bytes:
        """Return the content of the file `domains`."""
        self.changed = False
        today = int(self._clock_s() // DAY_S)
        kept = {name: days for name, days in self._days.items() if today - days[1] <= GAP_DAYS}
        return json.dumps(kept).encode()

    def load(self, content: bytes) -> None:
        """Load the content of the file `domains`; ignore it if it is malformed."""
        today = int(self._clock_s() // DAY_S)
        try:
            document = json.loads(content)
            entries = [(str(name), int(a), int(b)) for name, (a, b) in document.items()]
        except (ValueError, TypeError, AttributeError):
            return
        for name, first, last in entries:
            if first <= last and 0 <= today - last <= GAP_DAYS:
                self._days[name] = (first, last)

    def _is_dead(self, name: str, now_s: float) -> bool:
        today = int(now_s // DAY_S)
        first, last = self._days.get(name, (today, today))
        return today - last <= GAP_DAYS and today - first >= SILENT_DAYS

    def _current(self, name: str, now_s: float) -> Series:
        series = self._series.get(name)
        if series is None or now_s - series.last_s > PAUSE_S:
            series = self._series[name] = Series(now_s)
        return series

    def _hash(self, domain: str) -> str:
        data = domain.lower().encode(errors="replace")
        return hashlib.blake2b(data, key=self._key, digest_size=HASH_BYTES).hexdigest()


def load(state: Path, clock_s: Callable[[], float] = time.time) -> Silence:
    """Return the state from the disk; empty without a readable file."""
    directory = state / DIRECTORY
    try:
        silence = Silence((directory / "key").read_bytes(), clock_s)
        silence.load((directory / "domains").read_bytes())
    except OSError:
        return Silence(clock_s=clock_s)
    return silence


def open_(state: Path) -> Silence:
    """Return the state for the process that also saves it; create the key if there is none."""
    directory = state / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    if not (directory / "key").exists():
        write_atomically(directory / "key", secrets.token_bytes(KEY_BYTES))
        write_atomically(directory / "domains", b"{}")
    return load(state)


def save(silence: Silence, state: Path) -> None:
    """Write the state if it changed; if the disk is full, the next call tries again."""
    if not silence.changed:
        return
    try:
        write_atomically(state / DIRECTORY / "domains", silence.as_json())
    except OSError as error:
        silence.changed = True
        _log.warning("silent domains cannot be saved: %s", error.strerror)
