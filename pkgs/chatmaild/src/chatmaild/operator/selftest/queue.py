"""Postfix' queue: nothing may be stuck."""

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

from chatmaild.operator.selftest.report import Check, failed, passed, warned

NAME = "queue"
DEADLINE_S = 30.0
# what can be delivered leaves within milliseconds; deferred mail has reasons of its own
STUCK_AFTER_S = 600
MANY_DEFERRED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message in the queue."""

    queue: str
    arrival_s: float


def check() -> Check:
    """Ask Postfix, and decide."""
    try:
        done = subprocess.run(
            ["postqueue", "-j"], capture_output=True, check=True, text=True, timeout=DEADLINE_S
        )
    except subprocess.CalledProcessError as error:
        return failed(NAME, error.stderr.strip() or "postqueue failed")
    except (OSError, subprocess.TimeoutExpired) as error:
        return failed(NAME, str(error))
    return judge(parse(done.stdout), now_s=time.time())


def parse(listing: str) -> list[Waiting]:
    """Messages out of `postqueue -j` (postqueue(1), JSON object format)."""
    documents = (json.loads(line) for line in listing.splitlines() if line.strip())
    return [
        Waiting(queue=document["queue_name"], arrival_s=document["arrival_time"])
        for document in documents
    ]


def judge(waiting: Iterable[Waiting], *, now_s: float) -> Check:
    """Decide whether mail flows."""
    waiting = list(waiting)
    deferred = sum(message.queue == "deferred" for message in waiting)
    stuck = sum(
        message.queue in ("active", "incoming", "maildrop")
        and now_s - message.arrival_s > STUCK_AFTER_S
        for message in waiting
    )
    if stuck:
        return failed(NAME, f"{stuck} messages are stuck; see `journalctl -u postfix`")
    if deferred > MANY_DEFERRED:
        return warned(NAME, f"{deferred} messages wait for other servers; see `postqueue -p`")
    return passed(NAME, f"{len(waiting)} messages, {deferred} of them wait for other servers")
