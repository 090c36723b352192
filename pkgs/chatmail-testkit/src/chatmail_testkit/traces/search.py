"""Search a relay for personal data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chatmail_testkit.relays.target import Machine
from chatmail_testkit.traces import patterns, sweep
from chatmail_testkit.traces.ledger import Secret
from chatmail_testkit.traces.places import Find


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The finds, the existing accounts, and what was searched beside files."""

    finds: Sequence[Find]
    accounts: frozenset[str]
    documents: frozenset[str]
    size_bytes: int


def search(machine: Machine, secrets: Iterable[Secret]) -> Found:
    """Returns where the secrets are on a relay."""
    asked = json.dumps(patterns.request(secrets)).encode()
    program = Path(sweep.__file__).read_text()
    answers = [
        json.loads(member.run("python3", "-c", program, stdin=asked)) for member in machine.members
    ]
    return Found(
        finds=[Find(*find) for raw in answers for find in raw["finds"]],
        accounts=frozenset(account for raw in answers for account in raw["accounts"]),
        documents=frozenset(name for raw in answers for name in raw["documents"]),
        size_bytes=sum(raw["bytes"] for raw in answers),
    )
