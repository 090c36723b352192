"""How the collector reads a service: connect to its unix socket, and read until the end.

The answer is a JSON document `{"text": ..., "recent": [[digest, seconds], ...]}`.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.errors import ProtocolError
from chatmaild.logs import log_error
from chatmaild.metrics.counters import Counters
from chatmaild.metrics.recent import Entry, Recent

TIMEOUT_S: Final = 5.0
LIMIT_BYTES: Final = 1 << 20

Make = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Dump:
    """The numbers of a service: text for Prometheus, and its last messages."""

    text: str
    recent: list[Entry]


def encode(counters: Counters, recent: Recent | None = None) -> bytes:
    """Return what the collector gets."""
    entries = [] if recent is None else recent.entries()
    return json.dumps({"text": counters.text(), "recent": entries}).encode()


def decode(data: bytes) -> Dump:
    """Read the answer of a service.

    Raises:
        ProtocolError: it is none.
    """
    try:
        found = json.loads(data)
        recent = [(str(key), float(at_s)) for key, at_s in found["recent"]]
        return Dump(str(found["text"]), recent)
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError("a service sent no numbers") from error


def serve_in_thread(listener: socket.socket, make: Make) -> None:
    """Answer the collector in a thread of its own, until the process ends."""
    listener.setblocking(True)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                if listener.fileno() < 0:  # it was closed
                    return
                time.sleep(1)  # too many open files
                continue
            with client, contextlib.suppress(OSError):
                client.settimeout(TIMEOUT_S)
                try:
                    client.sendall(make())
                except Exception as error:
                    log_error("metrics", error)

    threading.Thread(target=serve, name="metrics", daemon=True).start()


def read_now(path: str | Path) -> Dump:
    """Read the numbers of a service, for commands.

    Raises:
        OSError: it does not answer in 5 s.
        ProtocolError: the answer cannot be read.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(str(path))
        with client.makefile("rb") as file:
            return decode(file.read())
