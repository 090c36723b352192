"""Client of our filter: asks about a whole message, over the milter protocol of `wire.milter`."""

import asyncio
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from chatmaild.transport.inbound.plain import Field
from chatmaild.transport.inbound.pool import UnavailableError, UnixSession
from chatmaild.wire import milter
from chatmaild.wire.smtp.reply import Reply, parse_reply

# the filter looks up keys for up to 15 s, and the peer waits for 60 s
_ANSWER_S: Final = 40.0
_MAX_CHANGES: Final = 2000
_LENGTH: Final = struct.Struct("!I")
# all that a mail server can offer
_OFFER: Final = milter.Options(version=milter.VERSION, actions=0x1FF, steps=0x1FFFFF)
_BODY_BYTES: Final = milter.BODY_PIECE_BYTES
# nginx and the kernel tell who the client is; the filter needs it for other messages than these
_CLIENT: Final = "127.0.0.1"
_DISCARDED: Final = Reply(code=250, text="2.0.0 Ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The decision of the filter.

    Attributes:
        reply: the answer to the peer; None if the message has to be delivered.
        has_changes: the message has to be changed first.
    """

    reply: Reply | None = None
    has_changes: bool = False


class FilterSession(UnixSession):
    """An open connection to the filter."""

    def offer(self, sender: str, recipient: str, fields: Sequence[Field], body: bytes) -> None:
        """Send a message without waiting; `judgement` returns the answer."""
        self._writer.write(b"".join(_packets(sender, recipient, fields, body)))

    async def judgement(self) -> Judgement:
        """Return the decision on the message that was offered.

        Raises:
            UnavailableError: no answer came in time, or none that can be understood.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                for number in range(_MAX_CHANGES):
                    command, data = await self._packet()
                    found = _judgement(command, data, has_changes=number > 0)
                    if found is not None:
                        return found
        except (OSError, EOFError) as error:
            raise UnavailableError from error
        raise UnavailableError

    def forget(self) -> None:
        """Let the filter release the memory of the message."""
        self._writer.write(milter.packet(bytes([milter.ABORT])))

    async def _greet(self) -> None:
        self._writer.write(milter.packet(bytes([milter.NEGOTIATE]), struct.pack("!III", *_OFFER)))
        command, _ = await self._packet()
        if command != milter.NEGOTIATE:
            raise UnavailableError

    async def _packet(self) -> milter.Packet:
        [length] = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if not 0 < length <= milter.MAX_PACKET_BYTES:
            raise UnavailableError
        packet = await self._reader.readexactly(length)
        return packet[0], packet[1:]


def _judgement(command: int, data: bytes, *, has_changes: bool) -> Judgement | None:
    """Return the decision in a packet; None for a change."""
    match bytes([command]):
        case b"c":
            return Judgement(has_changes=has_changes)
        case b"d":
            return Judgement(reply=_DISCARDED)
        case b"y":
            text = data.rstrip(b"\0").replace(b"%%", b"%").decode("ascii", "replace")
            reply = parse_reply(text)
            if reply is None or reply.accepted:
                raise UnavailableError
            return Judgement(reply=reply)
        case b"m" | b"i" | b"h" | b"-" | b"e" | b"b":
            return None
        case _:
            raise UnavailableError


def _packets(sender: str, recipient: str, fields: Sequence[Field], body: bytes) -> Iterable[bytes]:
    """Yield what Postfix' smtpd and cleanup send for such a message."""
    yield _macros(milter.MAIL, {"{client_addr}": _CLIENT, "{mail_addr}": sender})
    yield milter.packet(bytes([milter.MAIL]), f"<{sender}>".encode() + b"\0")
    yield _macros(milter.RCPT, {"{rcpt_addr}": recipient})
    yield milter.packet(bytes([milter.RCPT]), f"<{recipient}>".encode() + b"\0")
    yield milter.packet(bytes([milter.DATA]))
    for name, value in fields:
        text = name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0"
        yield milter.packet(bytes([milter.HEADER]), text)
    yield milter.packet(bytes([milter.END_OF_HEADER]))
    for at in range(0, len(body), _BODY_BYTES):
        yield milter.packet(bytes([milter.BODY]), body[at : at + _BODY_BYTES])
    yield milter.packet(bytes([milter.END_OF_MESSAGE]))


def _macros(stage: int, values: dict[str, str]) -> bytes:
    text = "".join(f"{name}\0{value}\0" for name, value in values.items())
    return milter.packet(bytes([milter.MACROS]), bytes([stage]) + text.encode())
