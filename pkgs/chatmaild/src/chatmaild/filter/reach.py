"""Whether a message of our own people can reach anybody at all.

Bounces come in clear, and Delta Chat throws clear mail away: without an answer at submission, a
message to an address that was deleted looks delivered for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import NamedTuple

from chatmaild.filter import verdicts
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.verdicts import Refuse


class Standing(enum.Enum):
    """How an address can be reached."""

    REACHABLE = enum.auto()  # elsewhere, or here with room for every message
    GONE = enum.auto()  # here, and there is none
    NEARLY_FULL = enum.auto()  # here, and only Dovecot knows whether a message fits


class Unreachable(NamedTuple):
    """The recipients of a message where none is certain to be reached."""

    gone: tuple[Mailbox, ...]
    nearly_full: tuple[Mailbox, ...]


def unreachable(
    recipients: Iterable[Mailbox], standing: Callable[[Mailbox], Standing]
) -> Unreachable | None:
    """The recipients, where none is certain to be reached; None where one is, or there is none."""
    found: dict[Standing, list[Mailbox]] = {Standing.GONE: [], Standing.NEARLY_FULL: []}
    for recipient in recipients:
        kind = standing(recipient)
        if kind is Standing.REACHABLE:
            return None
        found[kind].append(recipient)
    gone, nearly_full = (tuple(names) for names in found.values())
    return Unreachable(gone, nearly_full) if gone or nearly_full else None


def failure(candidates: Unreachable, has_room: Callable[[Mailbox], bool]) -> Refuse | None:
    """The refusal where nobody gets the message.

    Where some addresses are gone and all others are full, it names one that is gone: trying again
    later does not help there.
    """
    if any(map(has_room, candidates.nearly_full)):
        return None
    if candidates.gone:
        return verdicts.no_such_address(str(candidates.gone[0]))
    return verdicts.mailbox_full(str(candidates.nearly_full[0]))


class Size:
    """Counts the bytes of a message as Dovecot stores it: each line end is one byte."""

    def __init__(self) -> None:
        self.bytes = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        self.bytes += len(piece) - piece.count(b"\r\n")
