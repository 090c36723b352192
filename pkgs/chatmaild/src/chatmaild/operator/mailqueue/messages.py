"""The messages in Postfix' queue: `postqueue -j`, and the time of the next try."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chatmaild.address import domain_of
from chatmaild.errors import ChatmaildError
from chatmaild.settings import Settings

DEADLINE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A recipient without the message yet, and Postfix' reason."""

    address: str
    reason: str

    @property
    def domain(self) -> str:
        """The destination."""
        return domain_of(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in the queue.

    Attributes:
        queue: `active`, `deferred`, `hold`, `incoming` or `maildrop`.
        next_try_s: Unix time of the next try in `deferred`; None in the other queues.
    """

    queue: str
    name: str
    arrival_s: float
    size_bytes: int
    sender: str
    recipients: tuple[Recipient, ...]
    next_try_s: float | None = None

    @property
    def domains(self) -> frozenset[str]:
        """The destinations."""
        return frozenset(recipient.domain for recipient in self.recipients)


def read(settings: Settings) -> list[Message]:
    """Return all messages, the oldest first.

    Raises:
        ChatmaildError: as `run`.
    """
    listing = run(["postqueue", "-j"])
    tries = next_tries(Path(settings.directories.postfix_queue) / "deferred")
    return sorted(parse(listing, tries), key=lambda message: message.arrival_s)


def run(command: list[str], stdin: str = "") -> str:
    """Return the standard output of a program of Postfix.

    Raises:
        ChatmaildError: it fails, is not installed or takes too long.
    """
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, check=False, text=True, timeout=DEADLINE_S
        )
    except FileNotFoundError as error:
        raise ChatmaildError(f"{command[0]} is not installed: is this a relay?") from error
    except subprocess.TimeoutExpired as error:
        raise ChatmaildError(f"{command[0]} took more than {DEADLINE_S:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ChatmaildError(f"{command[0]} failed: {lines[-1]}")
    return done.stdout


def parse(listing: str, tries: dict[str, float]) -> Iterator[Message]:
    """Return the messages of `postqueue -j` (postqueue(1), JSON object format)."""
    for line in listing.splitlines():
        if line.strip():
            yield _message(json.loads(line), tries)


def _message(document: dict[str, Any], tries: dict[str, float]) -> Message:
    name = str(document["queue_id"])
    return Message(
        queue=str(document["queue_name"]),
        name=name,
        arrival_s=float(document["arrival_time"]),
        size_bytes=int(document["message_size"]),
        sender=str(document["sender"]),
        recipients=tuple(
            Recipient(address=str(entry["address"]), reason=str(entry.get("delay_reason", "")))
            for entry in document["recipients"]
        ),
        next_try_s=tries.get(name) if document["queue_name"] == "deferred" else None,
    )


def next_tries(directory: Path) -> dict[str, float]:
    """Return the time of the next try by queue ID: qmgr(8) keeps it as a file's time.

    Only root can read them; for others the result is empty.
    """
    return dict(_times(str(directory)))


def _times(directory: str) -> Iterator[tuple[str, float]]:
    try:
        entries: Iterable[os.DirEntry[str]] = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _times(entry.path)
            else:
                yield entry.name, entry.stat(follow_symlinks=False).st_mtime
        except FileNotFoundError:
            continue  # delivered meanwhile
