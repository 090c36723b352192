"""A server of lines on loopback that gives the answers of a test."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

Serve = Callable[[bytes, Mapping[bytes, bytes]], tuple[int, list[bytes]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers: a greeting, and the answer to each line that contains a key.

    The test gets the port and the list of lines received. `TAG` in an answer is the first word of
    the line. A line without an answer ends the connection.
    """
    with contextlib.ExitStack() as stack:

        def start(greeting: bytes, answers: Mapping[bytes, bytes]) -> tuple[int, list[bytes]]:
            lines: list[bytes] = []

            class Handler(socketserver.StreamRequestHandler):
                def handle(self) -> None:
                    self.wfile.write(greeting)
                    for line in self.rfile:
                        lines.append(line)
                        answer = next((answers[key] for key in answers if key in line), None)
                        if answer is None:
                            return
                        self.wfile.write(answer.replace(b"TAG", line.partition(b" ")[0]))

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            port: int = server.server_address[1]
            return port, lines

        yield start
