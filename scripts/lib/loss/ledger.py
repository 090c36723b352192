"""The ledger of a run: what was sent, seen and broken, as files with one JSON object a line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from chatmail_testkit.people.names import Account

OK = 250
FOR_GOOD = 500  # permanent failures start here (RFC 5321 section 4.2.1)
NO_ANSWER = 0  # as reply code: the connection broke after the end of DATA, before the reply
NOT_SENT = 1  # as reply code: there was no session, or it broke before the end of DATA


class Entry(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


AnyEntry = TypeVar("AnyEntry", bound=Entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to submit a message.

    `token` is its Message-ID, `message` the number that all attempts share. `code` is the first
    reply that refused it, 250, NO_ANSWER or NOT_SENT. Times are those of the client, in Unix time.
    """

    token: str
    message: int
    sender: str
    recipients: Sequence[str]
    digest: str
    code: int
    reason: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A message in a mailbox at the end, or in a bounce if `reason` is set.

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
class Sight:
    """A new message, as a waiting client saw it; a message that arrived twice is seen twice."""

    token: str
    mailbox: str
    seen_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A trouble, with its real times."""

    kind: str
    host: str
    detail: str
    begin_s: float
    end_s: float


class Ledger:
    """A file to which threads add entries; each is written at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        line = f"{json.dumps(asdict(entry))}\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Write a file of entries."""
    path.write_text("".join(f"{json.dumps(asdict(entry))}\n" for entry in entries))


def read(path: Path, kind: type[AnyEntry]) -> list[AnyEntry]:
    """Return the entries of a file; a last line without an end is none."""
    known = {field.name for field in fields(kind)}
    lines = path.read_text().splitlines(keepends=True)
    found: list[Mapping[str, Any]] = [json.loads(line) for line in lines if line.endswith("\n")]
    return [kind(**{key: value for key, value in raw.items() if key in known}) for raw in found]


def read_accounts(path: Path) -> list[Account]:
    """Return the people of a run."""
    return read(path, Account)
