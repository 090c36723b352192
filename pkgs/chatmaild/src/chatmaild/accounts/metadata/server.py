"""Serve Dovecot's dict protocol (version 4): look-ups and transactions.

H...               hello: no answer
L key user         O value | N absent | F failure
I flags max path   nothing can be listed: an empty line
B id user          begin; S id key value, U id key: set, unset; R id: roll back
C id               commit: O id | F id
T V                time stamps, logging hints: no answer
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from chatmaild.accounts.metadata.keys import Keys
from chatmaild.address import Address, address_or_none
from chatmaild.errors import AddressError, ProtocolError
from chatmaild.wire import serve
from chatmaild.wire.dovecot_dict import Command, escape, parse_line

_log = logging.getLogger(__name__)

# one SETMETADATA command sets a few keys
MAX_TRANSACTIONS: Final = 100
MAX_CHANGES: Final = 100
# Dovecot logs it
REFUSED: Final = "this key cannot be set to this value"


@dataclass(slots=True)
class _Transaction:
    # None for a text that is no address
    user: Address | None
    # key, and its value or None to unset it
    changes: list[tuple[str, str | None]] = field(default_factory=list)


def connection(keys: Keys) -> serve.Connection:
    """Return the handler of Dovecot's connections."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(keys)
        while command := parse_line(await _line(reader)):
            if (answer := await session.answer(command)) is not None:
                writer.write(answer.encode() + b"\n")
                await writer.drain()

    return handle


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError as error:
        raise ProtocolError("a dict line is too long") from error


class Session:
    """The state of one connection: transaction ids are unique only there."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._transactions: dict[str, _Transaction] = {}

    async def answer(self, command: Command) -> str | None:
        """Return the answer without LF; None when the command has none.

        Raises:
            ProtocolError: a transaction was not begun, or there are too many.
        """
        match command.code:
            case "L":
                return self._look_up(command.field(0), command.field(1))
            case "I":
                return ""
            case "B":
                self._begin(command.field(0), command.field(1))
            case "S":
                self._change(command, command.field(2))
            case "U":
                self._change(command, None)
            case "A":
                # counters do not exist here: an impossible change makes the commit fail
                self._change(command, "")
            case "R":
                self._transactions.pop(command.field(0), None)
            case "C" | "D":
                return await self._commit(command.field(0))
            case "H" | "T" | "V":
                pass
            case other:
                _log.warning("unknown dict command %r", other)
        return None

    def _look_up(self, key: str, user: str) -> str:
        try:
            value = self._keys.look_up(key, address_or_none(user))
        except (AddressError, OSError) as error:
            serve.log_error("metadata look-up", error)
            return "F"
        return "N" if value is None else "O" + escape(value)

    def _begin(self, number: str, user: str) -> None:
        if len(self._transactions) >= MAX_TRANSACTIONS:
            raise ProtocolError("too many dict transactions")
        self._transactions[number] = _Transaction(address_or_none(user))

    def _change(self, command: Command, value: str | None) -> None:
        transaction = self._transactions.get(command.field(0))
        if transaction is None or len(transaction.changes) >= MAX_CHANGES:
            raise ProtocolError("a change outside of a dict transaction, or too many")
        transaction.changes.append((command.field(1), value))

    async def _commit(self, number: str) -> str:
        transaction = self._transactions.pop(number, None)
        if transaction is None:
            raise ProtocolError("a commit without a dict transaction")
        good = await asyncio.to_thread(self._apply, transaction)
        return f"O{number}" if good else f"F{number}\t{REFUSED}"

    def _apply(self, transaction: _Transaction) -> bool:
        try:
            results = [self._keys.set(k, transaction.user, v) for k, v in transaction.changes]
        except (AddressError, OSError) as error:
            serve.log_error("metadata change", error)
            return False
        return all(results)
