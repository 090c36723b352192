"""Netstrings: `5:hello,` - a length in decimal, the bytes, a comma."""

import asyncio

from chatmaild.errors import ProtocolError

# Postfix' requests are a map's name and an address
MAX_BYTES = 4096
_MAX_DIGITS = len(str(MAX_BYTES))


async def read_netstring(reader: asyncio.StreamReader) -> bytes | None:
    """The next netstring; None when the peer closes between two.

    Raises:
        ProtocolError: no netstring, or one of more than 4096 bytes.
        asyncio.IncompleteReadError: the peer closes within one.
    """
    digits = b""
    while (char := await reader.read(1)) != b":":
        if not char and not digits:
            return None
        digits += char
        if not char.isdigit() or len(digits) > _MAX_DIGITS or digits.startswith(b"00"):
            raise ProtocolError("no netstring")
    if not digits or int(digits) > MAX_BYTES:
        raise ProtocolError("no netstring of an acceptable length")
    content = await reader.readexactly(int(digits) + 1)
    if content[-1:] != b",":
        raise ProtocolError("a netstring ends with a comma")
    return content[:-1]


def netstring(content: bytes) -> bytes:
    """The content as a netstring."""
    return b"%d:%b," % (len(content), content)
