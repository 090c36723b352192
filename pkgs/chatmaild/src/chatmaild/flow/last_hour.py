"""The growth of the counters of a process in the last hour.

Each service writes RUNTIME/last-hour.json once a minute; `chatmail status` reads all of them:
`{"since": UNIX_SECONDS, "counts": {NAME: INCREASE}}`, with names as Prometheus has them.
"""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from chatmaild import logs

NAME: Final = "last-hour.json"
EVERY_S: Final = 60.0
HOUR_S: Final = 3600.0


class LastHour:
    """The counters of the last hour, minute by minute.

    Args:
        text: the counters in the text format of Prometheus.
    """

    def __init__(
        self, path: Path, text: Callable[[], str], clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._text = text
        self._clock = clock
        self._seen: deque[tuple[float, Counter[str]]] = deque()
        self.step()

    async def run(self) -> None:
        """Write the file once a minute; never return."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.step()

    def step(self) -> None:
        """Read the counters, and write the file."""
        now_s, counts = self._clock(), parse(self._text())
        self._seen.append((now_s, counts))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - HOUR_S:
            self._seen.popleft()
        since_s, first = self._seen[0]
        content = {"since": since_s, "counts": counts - first}
        draft = self._path.with_suffix(".new")
        try:
            draft.write_text(json.dumps(content))
            draft.replace(self._path)
        except OSError as error:
            # in memory (tmpfs), and not needed by mail
            logs.log_error("last-hour.json", error)


def parse(text: str) -> Counter[str]:
    """The counters of a page for Prometheus by name and labels."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#") and value.isdigit():
            found[name] = int(value)
    return found


def read(files: Iterable[Path]) -> tuple[float | None, Counter[str]]:
    """The sum of several processes, and since when all of them count; None without files."""
    since_s: list[float] = []
    total: Counter[str] = Counter()
    for file in files:
        try:
            document = json.loads(file.read_text())
            total.update({str(k): int(v) for k, v in document["counts"].items()})
            since_s.append(float(document["since"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return max(since_s, default=None), total
