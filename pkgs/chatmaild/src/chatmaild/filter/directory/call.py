"""One HTTP request on a unix socket, by a thread that waits for the answer (RFC 9112)."""

from __future__ import annotations

import re
import socket
import time
from typing import Final, NamedTuple

from chatmaild.errors import ProtocolError

# a storm of messages makes more connections, and closes these again
MAX_IDLE: Final = 16
_SHORTEST_S: Final = 0.001
_PIECE_BYTES: Final = 4096
_MAX_BYTES: Final = 16384
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*(?=\r\n|$)")
_CLOSES: Final = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*(?=\r\n|$)")


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class Call:
    """One GET request, on an idle connection or a new one."""

    def __init__(
        self, path: str, idle: list[socket.socket], target: str, deadline_s: float
    ) -> None:
        """Send the request.

        Args:
            path: the socket of the server.
            idle: open connections to it; `end` gives this one back.
            deadline_s: when waiting ends, on the monotonic clock.

        Raises:
            OSError: the server does not take it.
        """
        self._path = path
        self._idle = idle
        self._request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("ascii")
        self._deadline_s = deadline_s
        self._may_be_kept = False
        try:
            self._connection = idle.pop()
        except IndexError:
            self._is_old = False
            self._connect()
            return
        self._is_old = True
        try:
            self._send()
        except ConnectionError:
            self._repeat()

    def answer(self) -> Answer:
        """Wait for the answer.

        Raises:
            OSError: there is none.
            ProtocolError: it is not HTTP.
        """
        try:
            return self._read()
        except ConnectionError:
            # the service was started anew, or closed an idle connection
            if not self._is_old:
                raise
            self._repeat()
            return self._read()

    def end(self) -> None:
        """Keep the connection for the next request if this one is answered, or close it."""
        if self._may_be_kept and len(self._idle) < MAX_IDLE:
            self._idle.append(self._connection)
        else:
            self._connection.close()

    def _repeat(self) -> None:
        self._connection.close()
        self._is_old = False
        self._connect()

    def _connect(self) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._wait_at_most()
            self._connection.connect(self._path)
            self._send()
        except OSError:
            self._connection.close()
            raise

    def _send(self) -> None:
        self._wait_at_most()
        self._connection.sendall(self._request)

    def _wait_at_most(self) -> None:
        left_s = self._deadline_s - time.monotonic()
        # at the deadline, what has arrived is still read
        self._connection.settimeout(max(left_s, _SHORTEST_S))

    def _read(self) -> Answer:
        data, end = b"", -1
        while end < 0:
            data += self._receive(len(data))
            end = data.find(b"\r\n\r\n")
        head = data[:end].lower()
        start, length = _STATUS.match(data), _LENGTH.search(head)
        if start is None or length is None:
            raise ProtocolError("no HTTP")
        size_bytes = end + 4 + int(length[1])
        while len(data) < size_bytes:
            data += self._receive(len(data))
        self._may_be_kept = len(data) == size_bytes and not _CLOSES.search(head)
        return Answer(int(start[1]), data[end + 4 : size_bytes])

    def _receive(self, received_bytes: int) -> bytes:
        if received_bytes > _MAX_BYTES:
            raise ProtocolError("too long")
        self._wait_at_most()
        piece = self._connection.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionResetError
        return piece
