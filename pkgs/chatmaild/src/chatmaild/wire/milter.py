"""The milter protocol, version 6, from the filter's side: bytes to packets and back, no I/O.

A packet is a length in four bytes (big-endian), a command byte, and data; the length counts the
command. Sources: the header file `mfdef.h` of Sendmail's libmilter, and Postfix'
`src/milter/milter8.c`, whose names stand in the comments.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from chatmaild.errors import ProtocolError as ProtocolError

VERSION: Final = 6

# What the mail server sends (SMFIC_*).
ABORT: Final = ord("A")  # the message is over without a decision
BODY: Final = ord("B")
CONNECT: Final = ord("C")
MACROS: Final = ord("D")
END_OF_MESSAGE: Final = ord("E")  # SMFIC_BODYEOB
HELO: Final = ord("H")
HEADER: Final = ord("L")
MAIL: Final = ord("M")
END_OF_HEADER: Final = ord("N")
NEGOTIATE: Final = ord("O")  # SMFIC_OPTNEG
QUIT: Final = ord("Q")
RCPT: Final = ord("R")
DATA: Final = ord("T")
UNKNOWN: Final = ord("U")

# Stages for which macros can be asked (SMFIM_*).
STAGES: Final = {
    CONNECT: 0,
    HELO: 1,
    MAIL: 2,
    RCPT: 3,
    DATA: 4,
    END_OF_MESSAGE: 5,
    END_OF_HEADER: 6,
}

# What the filter may do to a message (SMFIF_*).
MAY_ADD_HEADERS: Final = 0x001
MAY_CHANGE_BODY: Final = 0x002
MAY_DELETE_RECIPIENTS: Final = 0x008
MAY_CHANGE_HEADERS: Final = 0x010
MAY_CHANGE_SENDER: Final = 0x040
MAY_CHOOSE_MACROS: Final = 0x100  # SMFIF_SETSYMLIST

# What the mail server leaves out, and which answers it does not wait for (SMFIP_*).
NO_CONNECT: Final = 0x000001
NO_HELO: Final = 0x000002
NO_UNKNOWN: Final = 0x000100
UNANSWERED_HEADER: Final = 0x000080
UNANSWERED_MAIL: Final = 0x004000
UNANSWERED_RCPT: Final = 0x008000
UNANSWERED_DATA: Final = 0x010000
UNANSWERED_END_OF_HEADER: Final = 0x040000
UNANSWERED_BODY: Final = 0x080000
LEADING_SPACE: Final = 0x100000  # header values keep the blank behind the colon

# The largest packet of Postfix is a header field of `header_size_limit`; body pieces have 65,535.
MAX_PACKET_BYTES: Final = 4 << 20
BODY_PIECE_BYTES: Final = 65_535  # MILTER_CHUNK_SIZE
_REPLY_LIMIT: Final = 400  # characters; RFC 5321 section 4.5.3.1.5 allows 512
_HEAD: Final = struct.Struct("!IB")
_OPTIONS: Final = struct.Struct("!III")
_NUMBER: Final = struct.Struct("!I")
# Postfix sends the macros of a stage before each packet of it. A stage for which none is asked has
# those of main.cf; this one does not exist, so nothing but an empty packet is sent.
_NO_MACRO: Final = b"{none}"

Packet = tuple[int, bytes]


class Packets:
    """Cuts what a mail server sends into packets."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are complete, as command and data; empty macros are left out.

        Raises:
            ProtocolError: a length of zero, or of more than 4 MiB.
        """
        if self._rest:
            data = self._rest + data
        found: list[Packet] = []
        at, end = 0, len(data)
        while end - at >= _HEAD.size:
            size, command = _HEAD.unpack_from(data, at)
            if not 0 < size <= MAX_PACKET_BYTES:
                raise ProtocolError("a milter packet has no acceptable length")
            following = at + 4 + size
            if following > end:
                break
            if command != MACROS or size > 2:
                found.append((command, data[at + 5 : following]))
            at = following
        self._rest = data[at:]
        return found

    @property
    def is_between(self) -> bool:
        """Whether no packet has begun."""
        return not self._rest


class Options(NamedTuple):
    """What one side offers or wants: version, actions (MAY_*) and steps (NO_*, UNANSWERED_*)."""

    version: int
    actions: int
    steps: int

    @classmethod
    def parse(cls, data: bytes) -> Options:
        """Read the data of NEGOTIATE.

        Raises:
            ProtocolError: it is too short.
        """
        if len(data) < _OPTIONS.size:
            raise ProtocolError("a milter negotiation is too short")
        return cls(*_OPTIONS.unpack_from(data))

    def offers(self, wanted: Options) -> bool:
        """Whether all that is wanted is among what is offered."""
        lacking = (wanted.actions & ~self.actions) | (wanted.steps & ~self.steps)
        return self.version >= wanted.version and not lacking


def negotiation(wanted: Options, macros: Mapping[int, Sequence[str]]) -> bytes:
    """Return the answer to NEGOTIATE: what is wanted, and the macros of each stage, no others."""
    lists = b"".join(
        _NUMBER.pack(number) + (" ".join(macros.get(stage, ())).encode() or _NO_MACRO) + b"\0"
        for stage, number in STAGES.items()
    )
    return packet(b"O", _OPTIONS.pack(*wanted) + lists)


def parse_macros(data: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Return the stage of a MACROS packet, and its values by name; `{client_addr}` has braces."""
    names_and_values = data[1:].split(b"\0")
    return data[0], dict(zip(names_and_values[::2], names_and_values[1::2], strict=False))


def parse_header(data: bytes) -> tuple[bytes, bytes]:
    """Return name and value of a HEADER packet; folds of the value are bare LF."""
    name, _, value = data.partition(b"\0")
    return name, value.removesuffix(b"\0")


def first_argument(data: bytes) -> bytes:
    """Return the path of a MAIL or RCPT packet as the SMTP client wrote it, without parameters."""
    return data.partition(b"\0")[0]


def packet(command: bytes, data: bytes = b"") -> bytes:
    """Return a packet."""
    return _NUMBER.pack(1 + len(data)) + command + data


CONTINUE: Final = packet(b"c")
DISCARD: Final = packet(b"d")  # the client reads 250, the message is not delivered


def reply(code: int, text: str) -> bytes:
    """Return the refusal `code text`: one line for the client, cut to its limit.

    A percent sign is doubled, because Postfix undoubles it, and what is not printable ASCII
    becomes a question mark.
    """
    words = f"{code} {text[:_REPLY_LIMIT]}"
    line = "".join(char if " " <= char <= "~" else "?" for char in words)
    return packet(b"y", line.replace("%", "%%").encode() + b"\0")


def insert_header(name: bytes, value: bytes) -> bytes:
    """Return the order to put a field above all others; `value` begins with its blank."""
    return packet(b"i", _NUMBER.pack(0) + name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")


def change_header(name: bytes, index: int, value: bytes | None) -> bytes:
    """Return the order to change the `index`-th field of that name, from 1; None removes it."""
    text = b"" if value is None else value.replace(b"\r\n", b"\n")
    return packet(b"m", _NUMBER.pack(index) + name + b"\0" + text + b"\0")


def delete_recipient(address: str) -> bytes:
    """Return the order to take a recipient away, spelled as `{rcpt_addr}` does."""
    return packet(b"-", f"<{address}>".encode("utf-8", "surrogateescape") + b"\0")


def change_sender(address: str) -> bytes:
    """Return the order to replace the envelope sender; an empty one is the null sender."""
    return packet(b"e", f"<{address}>".encode() + b"\0")


def replace_body(body: bytes) -> Iterable[bytes]:
    """Yield the orders that replace the body."""
    for at in range(0, len(body) or 1, BODY_PIECE_BYTES):
        yield packet(b"b", body[at : at + BODY_PIECE_BYTES])
