"""Run an asyncio service: sockets, readiness, SIGTERM and drain.

async def setup(stack: AsyncExitStack) -> None:
    await stack.enter_async_context(streams(listen_unix(path), handle_connection))

run(setup)
"""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from chatmaild.logs import log_error as log_error
from chatmaild.wire import systemd
from chatmaild.wire.listening import BACKLOG
from chatmaild.wire.listening import listen_tcp as listen_tcp
from chatmaild.wire.listening import listen_unix as listen_unix

_log = logging.getLogger(__name__)

Setup = Callable[[contextlib.AsyncExitStack], Awaitable[None]]
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# systemd kills after 90 s; requests here take milliseconds, so what is left then is idle
DRAIN_S: Final = 5.0
# asyncio needs 4 turns of its loop from accept() to the first read; 8 leaves a margin
_TURNS_TO_READ: Final = 8


@contextlib.asynccontextmanager
async def streams(
    listener: socket.socket, handle: Connection, *, limit_bytes: int = 65536
) -> AsyncIterator[None]:
    """Serve a line protocol while the context is open; at its end, finish the work in progress.

    An error of a handler is logged without private data and closes its connection alone.
    """
    connections: dict[asyncio.Task[None], _Streams] = {}

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except Exception as error:  # one client must not stop the others
            log_error("connection", error)
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(guarded(reader, writer))
        connections[task] = (reader, writer)
        task.add_done_callback(connections.pop)

    # for unix sockets, too: start_unix_server would remove the file that the next process needs
    server = await asyncio.start_server(accepted, sock=listener, limit=limit_bytes, backlog=BACKLOG)
    try:
        yield
    finally:
        await stop_accepting(listener)
        server.close()
        await _finish(connections)


async def stop_accepting(listener: socket.socket) -> None:
    """Leave new connections to the next process, and read what the accepted ones have sent.

    `Server.close()` alone drops a connection that was accepted one turn of the loop before.
    """
    asyncio.get_running_loop().remove_reader(listener)
    for _ in range(_TURNS_TO_READ):
        await asyncio.sleep(0)


async def _finish(connections: dict[asyncio.Task[None], _Streams]) -> None:
    """Let handlers finish what they have read; those that wait for more see the end of file."""
    tasks = set(connections)
    for reader, writer in connections.values():
        transport = writer.transport
        if isinstance(transport, asyncio.Transport) and not transport.is_closing():
            transport.pause_reading()
            reader.feed_eof()
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def run(setup: Setup) -> None:
    """Run a service until SIGTERM or SIGINT, then close what it opened, in reverse order.

    Raises:
        OSError: a socket cannot be bound.
    """
    asyncio.run(_run(setup))


async def _run(setup: Setup) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_exception_handler(_unhandled)
    async with contextlib.AsyncExitStack() as stack:
        await setup(stack)
        # imported modules stay: the garbage collector need not visit (and copy) them
        gc.collect()
        gc.freeze()
        systemd.drop_kept()
        systemd.notify("READY=1")
        await stop.wait()
        systemd.notify("STOPPING=1")


def _unhandled(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        log_error("task", error)
    else:
        _log.error("task failed: %s", context.get("message"))
