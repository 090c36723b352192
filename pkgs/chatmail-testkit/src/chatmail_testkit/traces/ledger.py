"""A ledger of the personal data that tests use: one line for each, in a file.

`CHATMAIL_LEDGER` names the file; without it nothing is recorded. Several processes may append.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

VARIABLE: Final = "CHATMAIL_LEDGER"
# Names, passwords and tokens that the test kit makes begin with it: traces/sweep.py finds them so.
MARK: Final = "qz"
# shorter ones are words that other files have for other reasons, such as "wrong"
MIN_LENGTH: Final = 9
# different ones; a token of one letter is there to be refused
MIN_CHARACTERS: Final = 6
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{9,}")
# a subject that relays write themselves
NEUTRAL_SUBJECT: Final = "[...]"

Kind = Literal["address", "password", "device token", "invite", "subject", "IP address"]


@dataclass(frozen=True, slots=True)
class Secret:
    """Personal data; of an address it is the local part."""

    kind: Kind
    value: str


_recorded: set[Secret] = set()


def record(kind: Kind, *values: str) -> None:
    """Appends values that this process has not recorded yet."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    found = {Secret(kind, value) for value in values if _is_distinctive(kind, value)} - _recorded
    _recorded.update(found)
    if found:
        lines = "".join(json.dumps([one.kind, one.value]) + "\n" for one in found)
        # one write with O_APPEND: lines of several processes do not mix
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, lines.encode())
        finally:
            os.close(descriptor)


def record_login(address: str, password: str) -> None:
    """Records address and password of a login."""
    record("address", address.partition("@")[0])
    record("password", password)


def record_answer(body: bytes) -> None:
    """Records address and password in an answer of `/new`; ignores all other answers."""
    try:
        given = json.loads(body)
        record_login(str(given["email"]), str(given["password"]))
    except (ValueError, TypeError, KeyError):
        return


def read(path: Path) -> set[Secret]:
    """Returns the data in a ledger."""
    with path.open() as lines:
        return set(_secrets(lines))


def _secrets(lines: Iterable[str]) -> Iterable[Secret]:
    for line in lines:
        kind, value = json.loads(line)
        yield Secret(kind, value)


def _is_distinctive(kind: Kind, value: str) -> bool:
    if kind == "IP address":
        return True
    if kind == "address":  # without a digit it may be the name of a role
        return len(value) >= MIN_LENGTH and (
            value.startswith(MARK) or any(char.isdigit() for char in value)
        )
    if kind == "invite" and not _TOKEN.fullmatch(value):  # any other query of a URL
        return False
    is_text = value.isascii() and value.isprintable() and value != NEUTRAL_SUBJECT
    return is_text and len(value) >= MIN_LENGTH and len(set(value)) >= MIN_CHARACTERS
