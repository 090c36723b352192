"""Post to the notification server over HTTPS connections that stay open.

http.client in a few threads instead of aiohttp: 2 MB of memory instead of 15, and it is imported
for the first notification.
"""

import contextlib
import http.client
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

# the notification server's own limit for a request
TIMEOUT_S: Final = 60.0
# only the status counts; after a longer answer the connection is closed
MAX_ANSWER_BYTES: Final = 65536


class Notifier:
    """One connection to the notification server, for one thread at a time."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = context
        self._connection: http.client.HTTPSConnection | None = None
        self._closed = False
        self._posting = False

    def post(self, token: str) -> int:
        """Post the token and nothing else; return the status of the answer.

        The server may have closed the open connection meanwhile: then a new one is tried once.

        Raises:
            OSError: no connection, no valid certificate, or no answer in 60 s.
            http.client.HTTPException: the answer is no HTTP.
        """
        self._posting = True
        try:
            if self._connection is not None:
                with contextlib.suppress(
                    ConnectionError, http.client.BadStatusLine, ssl.SSLEOFError
                ):
                    return self._exchange(self._connection, token)
            return self._exchange(self._connect(), token)
        finally:
            self._posting = False

    def close(self) -> None:
        """Close the connection; a thread that waits for an answer gets an error at once."""
        self._closed = True
        connection = self._connection
        if connection is None:
            return
        if self._posting and connection.sock is not None:
            # the thread that reads it closes it
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        else:
            connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        if self._closed:
            raise ConnectionAbortedError("closed")
        self._connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=TIMEOUT_S, context=self._context
        )
        return self._connection

    def _exchange(self, connection: http.client.HTTPSConnection, token: str) -> int:
        finished = False
        try:
            connection.request("POST", self._path, body=token.encode("ascii"))
            response = connection.getresponse()
            response.read(MAX_ANSWER_BYTES)
            finished = response.isclosed()
            return response.status
        finally:
            if not finished:
                self._drop(connection)

    def _drop(self, connection: http.client.HTTPSConnection) -> None:
        connection.close()
        self._connection = None
