"""Questions to the directory, over connections that are kept."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from chatmaild.address import Address
from chatmaild.errors import DirectoryError, ProtocolError
from chatmaild.filter.directory.call import Answer, Call
from chatmaild.logs import kind_of

_log = logging.getLogger(__name__)

# for all questions of a message together; a store answers within milliseconds, and the directory
# waits for it for 1.5 s
DEADLINE_S: Final = 2.0
# at once, each on a connection: a message to a large group asks for hundreds
AT_ONCE: Final = 8


class Facts(NamedTuple):
    """What the filter needs to know of an address; `is_in_doubt` if its store does not answer."""

    exists: bool
    is_disabled: bool
    enforces_encryption: bool
    is_nearly_full: bool
    is_in_doubt: bool = False


UNKNOWN: Final = Facts(
    exists=False, is_disabled=False, enforces_encryption=True, is_nearly_full=False
)
# mail for it is accepted and waits in the queue
IN_DOUBT: Final = UNKNOWN._replace(exists=True, is_in_doubt=True)
# what the directory answers for a store that does not
_UNAVAILABLE: Final = Answer(503, b"")


class Directory:
    """The directory of this front; several threads may ask at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[socket.socket] = []
        self._is_silent = False

    def facts(self, addresses: Iterable[Address]) -> dict[Address, Facts]:
        """What is known of addresses, each asked for once, the first ones first.

        Raises:
            DirectoryError: the directory gives no clear answer.
        """
        asked = list(dict.fromkeys(addresses))
        answers = self._ask([f"/address?address={_quoted(address)}" for address in asked])
        return dict(zip(asked, map(_facts, answers), strict=True))

    def has_room(self, address: Address, size_bytes: int) -> bool:
        """Whether a mailbox has room for a message of that size.

        Raises:
            DirectoryError: its store cannot be asked.
        """
        [answer] = self._ask([f"/room?address={_quoted(address)}&size={size_bytes}"])
        return _flag(_object(answer), "room")

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, targets: Sequence[str]) -> list[Answer]:
        """The answers to questions; `_UNAVAILABLE` for those that take too long."""
        deadline_s = time.monotonic() + DEADLINE_S
        answers: list[Answer] = []
        try:
            while len(answers) < len(targets) and time.monotonic() < deadline_s:
                next_ones = targets[len(answers) : len(answers) + AT_ONCE]
                answers += self._ask_at_once(next_ones, deadline_s)
        except (OSError, ProtocolError) as error:
            self._note(error)
            raise DirectoryError("no answer") from error
        answers += [_UNAVAILABLE] * (len(targets) - len(answers))
        is_late = any(answer is _UNAVAILABLE for answer in answers)
        self._note(TimeoutError() if is_late else None)
        return answers

    def _note(self, failure: Exception | None) -> None:
        """Log the first failure after an answer."""
        if failure is not None and not self._is_silent:
            _log.warning("the directory does not answer, mail waits: %s", kind_of(failure))
        self._is_silent = failure is not None

    def _ask_at_once(self, targets: Sequence[str], deadline_s: float) -> list[Answer]:
        """The answers to a few questions, which the directory gets at the same time.

        Raises:
            OSError: the directory does not take them, or breaks off.
            ProtocolError: an answer is not HTTP.
        """
        calls: list[Call] = []
        try:
            for target in targets:
                calls.append(Call(self._path, self._idle, target, deadline_s))  # noqa: PERF401
            return [_in_time(call) for call in calls]
        finally:
            for call in calls:
                call.end()


def _in_time(call: Call) -> Answer:
    try:
        return call.answer()
    except TimeoutError:
        return _UNAVAILABLE


def _object(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        DirectoryError: there is none.
    """
    if answer.status != 200:
        raise DirectoryError(f"status {answer.status}")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DirectoryError("no JSON object")
    return content


def _quoted(address: Address) -> str:
    return quote(str(address), safe="@")


def _facts(answer: Answer) -> Facts:
    if answer.status == _UNAVAILABLE.status:
        return IN_DOUBT
    content = _object(answer)
    state = content.get("state")
    if state == "unknown":
        return UNKNOWN
    if state != "here":
        raise DirectoryError("no such state")
    return Facts(
        exists=True,
        is_disabled=_flag(content, "disabled"),
        enforces_encryption=_flag(content, "enforces"),
        is_nearly_full=_flag(content, "nearly_full"),
    )


def _flag(content: Mapping[str, Any], name: str) -> bool:
    value = content.get(name)
    if not isinstance(value, bool):
        raise DirectoryError(f"no {name}")
    return value
