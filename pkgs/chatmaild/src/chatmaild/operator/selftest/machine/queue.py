"""Postfix' queue: no message is stuck."""

import contextlib
import json
import subprocess
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from chatmaild.errors import ChatmaildError
from chatmaild.operator.mailqueue.deletion import delete
from chatmaild.operator.mailqueue.messages import run
from chatmaild.operator.selftest.people import Person
from chatmaild.operator.selftest.report import Check, failed, ok, warned

NAME = "queue"
DEADLINE_S = 15.0
REPAIR = "systemctl restart postfix; journalctl --unit postfix"
# delivery takes milliseconds; deferred mail is judged separately
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
        return failed(NAME, error.stderr.strip() or "postqueue failed", REPAIR)
    except (OSError, subprocess.TimeoutExpired) as error:
        return failed(NAME, str(error), REPAIR)
    return judge(parse(done.stdout), now_s=time.time())


def parse(listing: str) -> list[Waiting]:
    """Messages out of `postqueue -j` (postqueue(1), JSON object format)."""
    documents = (json.loads(line) for line in listing.splitlines() if line.strip())
    return [
        Waiting(queue=document["queue_name"], arrival_s=document["arrival_time"])
        for document in documents
    ]


def judge(waiting: Iterable[Waiting], *, now_s: float) -> Check:
    """Decide: no message is stuck."""
    waiting = list(waiting)
    deferred = sum(message.queue == "deferred" for message in waiting)
    stuck = sum(
        message.queue in ("active", "incoming", "maildrop")
        and now_s - message.arrival_s > STUCK_AFTER_S
        for message in waiting
    )
    if stuck:
        return failed(
            NAME,
            "a message is stuck" if stuck == 1 else f"{stuck} messages are stuck",
            REPAIR,
        )
    if deferred > MANY_DEFERRED:
        return warned(
            NAME, f"{deferred} messages wait for other servers", "chatmail queue shows the reasons"
        )
    return ok(NAME, f"{len(waiting)} messages, {deferred} of them wait for other servers")


def remove_mail_of(people: Iterable[Person]) -> None:
    """Remove queued mail from and to these people, so that no bounce follows their deletion."""
    names = {str(person.address) for person in people}
    with contextlib.suppress(ChatmaildError, ValueError):
        delete(ids_of(run(["postqueue", "-j"]), names))


def ids_of(listing: str, names: Collection[str]) -> list[str]:
    """The IDs of messages in `postqueue -j` from or to these addresses."""
    documents = (json.loads(line) for line in listing.splitlines() if line.strip())
    return [
        document["queue_id"]
        for document in documents
        if document["sender"] in names
        or any(recipient["address"] in names for recipient in document["recipients"])
    ]
