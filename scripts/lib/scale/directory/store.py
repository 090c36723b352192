"""A stand-in for all stores, in a process of its own.

It has every address but those whose name begins with NEW. It prints its port, and runs until
standard input ends.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import AsyncExitStack
from typing import Final

from chatmaild.wire.http1 import Request, Response, json_response
from chatmaild.wire.http_server import http

NEW: Final = "n"


async def _answer(request: Request) -> Response:
    if request.head.path == "/alive":
        return json_response({})
    is_new = request.head.query.startswith(f"address={NEW}")
    return json_response(
        {
            "state": "free" if is_new else "here",
            "usable": True,
            "disabled": False,
            "enforces": True,
            "nearly_full": False,
        }
    )


async def _main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(http(listener, _answer))
        print(listener.getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
