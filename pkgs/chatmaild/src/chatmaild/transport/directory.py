"""Asks the accounts service which recipients exist, as Postfix does (socketmap_table(5))."""

import asyncio
from collections.abc import Sequence

from chatmaild.errors import ProtocolError
from chatmaild.recipients.netstring import netstring, read_netstring

# it answers from a look at the disk
LOOKUP_S = 10.0
MAP = "recipients"


class Directory:
    """The addresses of this relay.

    Args:
        path: socket of the accounts service.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def any_exists(self, addresses: Sequence[str]) -> bool:
        """Whether at least one of the addresses is one of this relay.

        Raises:
            OSError: the service does not answer (TimeoutError among others).
            ProtocolError: it answers something else.
        """
        async with asyncio.timeout(LOOKUP_S):
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                for address in addresses:
                    writer.write(netstring(f"{MAP} {address}".encode()))
                    if _is_found(await read_netstring(reader)):
                        return True
            finally:
                writer.close()
        return False


def _is_found(answer: bytes | None) -> bool:
    if answer is None or not answer.startswith((b"OK ", b"NOTFOUND ")):
        raise ProtocolError("the accounts service does not say")
    return answer.startswith(b"OK ")
