"""Queue files of Postfix (3.7 and others): sender, recipients that still wait, and the message.

A file is a sequence of records: a byte that names the type, the length in groups of 7 bits (the
lowest first), and the data. Types that matter: `S` sender, `R` recipient, `D` recipient that is
done, `M` begins the message, `N` a line, `L` a line without its end, `X` ends the message, `p`
continues at another offset, which filters make when they add a header field, `E` ends the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatmaild.address import MAX_ADDRESS_LENGTH
from chatmaild.errors import UntakenError

# a message of 30 MB in lines of one byte has more, and no server sends it
_MOST_RECORDS: Final = 5_000_000
_MOST_JUMPS: Final = 10_000
_MOST_LENGTH_BYTES: Final = 5
_MOST_RECIPIENTS: Final = 10_000
_DAMAGED: Final = "a damaged or unfinished queue file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A queued message; lines end with LF. An empty sender is the null sender."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


def parse(data: bytes) -> Queued:
    """Read a queue file.

    Raises:
        UntakenError: it is not whole, or has an address that is none.
    """
    sender: str | None = None
    recipients: dict[str, None] = {}
    message = bytearray()
    in_message = False
    for kind, content in _records(data):
        if kind == b"E":
            break
        if kind == b"S" and sender is None:
            sender = _address(content)
        elif kind == b"R" and content:
            recipients[_address(content)] = None
        elif kind in (b"M", b"X"):
            in_message = kind == b"M"
        elif in_message and kind in (b"N", b"L"):
            message += content + (b"\n" if kind == b"N" else b"")
        if len(recipients) > _MOST_RECIPIENTS:
            raise UntakenError("too many recipients")
    else:
        raise UntakenError(_DAMAGED)
    if sender is None or not message:
        raise UntakenError(_DAMAGED)
    return Queued(sender=sender, recipients=tuple(recipients), message=bytes(message))


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = jumps = 0
    for _ in range(_MOST_RECORDS):
        if at >= len(data):
            return
        kind = data[at : at + 1]
        at, length = _length(data, at + 1)
        content = data[at : at + length]
        if len(content) != length:
            raise UntakenError(_DAMAGED)
        at += length
        if kind == b"p":
            target = content.strip()
            if not target.isdigit() or len(target) > 15 or jumps > _MOST_JUMPS:
                raise UntakenError(_DAMAGED)
            at = int(target) or at
            jumps += 1
        yield kind, content
    raise UntakenError(_DAMAGED)


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The offset after a length, and the length."""
    length = 0
    for index in range(_MOST_LENGTH_BYTES):
        if at + index >= len(data):
            break
        byte = data[at + index]
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return at + index + 1, length
    raise UntakenError(_DAMAGED)


def _address(content: bytes) -> str:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise UntakenError("an address that is not ASCII") from error
    if len(text) > MAX_ADDRESS_LENGTH or not text.isprintable() or " " in text:
        raise UntakenError("an address that is none")
    return text
