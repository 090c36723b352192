"""Messages in Postfix' queues by state and age; only queue and time are read.

A separate job lists the queue each minute: its group may also submit mail without the filter, which
a process with an open port must not.
"""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from chatmaild.metrics import Counters, numbers
from chatmaild.settings import Settings

TIMEOUT_S: Final = 60.0
QUEUES: Final = ("maildrop", "incoming", "active", "deferred", "hold")
# upper bounds of the ages
AGES: Final = (("10m", 600.0), ("1h", 3600.0), ("1d", 86400.0))
OLDER: Final = "more"
# older counts are ignored: the job does not run, or takes too long
STALE_S: Final = 300.0
FAMILIES: Final = ("queue_messages", "queue_oldest_age_seconds", "queue_age_messages")


def run(settings: Settings, postqueue: str) -> None:
    """List the queue, and write the counts; none if Postfix does not answer.

    Raises:
        OSError: the file cannot be written.
    """
    content: dict[str, Any] = {"counted_s": time.time()}
    try:
        with subprocess.Popen(
            [postqueue, "-j"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            counted = tally(process.stdout, now_s=time.time())
            if process.wait(TIMEOUT_S) == 0:
                content |= counted
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pass  # Postfix is down
    numbers.write(settings, numbers.QUEUE, content)


def tally(lines: Iterable[str], *, now_s: float) -> dict[str, Any]:
    """Return the counts from the lines of `postqueue -j` (postqueue(1)).

    Raises:
        ValueError: a line is no such document.
    """
    sizes: Counter[str] = Counter()
    ages: Counter[str] = Counter()
    arrivals_s: dict[str, float] = {}
    for line in lines:
        document = json.loads(line)
        name, arrival_s = str(document["queue_name"]), float(document["arrival_time"])
        sizes[name] += 1
        ages[age_of(now_s - arrival_s)] += 1
        arrivals_s[name] = min(arrivals_s.get(name, arrival_s), arrival_s)
    return {"messages": dict(sizes), "oldest_arrival_s": arrivals_s, "ages": dict(ages)}


def age_of(age_s: float) -> str:
    """Return the class of an age: `10m` is up to ten minutes."""
    return next((name for name, bound_s in AGES if age_s <= bound_s), OLDER)


def measure(settings: Settings, counters: Counters) -> None:
    """Set the gauges from the last counts; remove them if the counts are old."""
    note(numbers.read(settings, numbers.QUEUE), counters, now_s=time.time())


def note(found: Mapping[str, Any], counters: Counters, *, now_s: float) -> None:
    """Set the gauges from counts."""
    is_up = "messages" in found and now_s - float(found.get("counted_s", 0)) < STALE_S
    counters.set("source_up", is_up, source="postfix")
    if not is_up:
        for name in FAMILIES:
            counters.drop(name)
        return
    sizes, ages, arrivals_s = found["messages"], found["ages"], found["oldest_arrival_s"]
    for queue in QUEUES:
        age_s = max(0.0, now_s - arrivals_s[queue]) if queue in arrivals_s else 0.0
        counters.set("queue_messages", sizes.get(queue, 0), queue=queue)
        counters.set("queue_oldest_age_seconds", age_s, queue=queue)
    for age in (*(name for name, _ in AGES), OLDER):
        counters.set("queue_age_messages", ages.get(age, 0), age=age)
