"""A host that accepts connections and never answers: TLS at port 443, TCP at port 25."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chatmail_testkit.peers.certificate import self_signed

# The lab's DNS has every name below it, at the lab's client. Relays need no trusted certificate
# for a domain that begins with `_`.
WILDCARD = "trap.test"
_READY = "ready"


def domains(count: int) -> list[str]:
    """Returns that many domains of the tarpit."""
    return [f"_{number}.{WILDCARD}" for number in range(count)]


@contextlib.contextmanager
def tarpit(directory: Path) -> Iterator[None]:
    """Runs it at all IPv4 addresses of this machine.

    In a process of its own: its hundreds of open connections end with it.
    """
    argv = [sys.executable, "-m", __name__, str(self_signed(directory))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != _READY:
                raise OSError("the tarpit does not start")
            yield
        finally:
            process.kill()


async def _serve(certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with (
        await asyncio.start_server(_read, "0.0.0.0", 443, ssl=context, backlog=1000),
        await asyncio.start_server(_read, "0.0.0.0", 25, backlog=1000),
    ):
        print(_READY, flush=True)
        await asyncio.Event().wait()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads until the client disconnects."""
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
