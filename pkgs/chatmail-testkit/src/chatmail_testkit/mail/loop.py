"""One event loop in a thread of its own, so that synchronous code can use asynchronous clients."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
END_TIMEOUT_S = 5

_lock = threading.Lock()
_running: asyncio.AbstractEventLoop | None = None


def wait(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine in the loop's thread and returns its result, from any other thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


def _loop() -> asyncio.AbstractEventLoop:
    """Returns the loop of this process; the first call starts it."""
    global _running
    with _lock:
        if _running is None:
            _running = asyncio.new_event_loop()
            thread = threading.Thread(target=_running.run_forever, name="mail", daemon=True)
            thread.start()
            atexit.register(_end, _running, thread)
        return _running


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(END_TIMEOUT_S)
    loop.close()
