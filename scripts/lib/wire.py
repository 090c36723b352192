"""SMTP and IMAP sessions that cost next to nothing, so that a load measures the server."""

from __future__ import annotations

import base64
import functools
import socket
import ssl
from typing import Self

TIMEOUT_S = 60
_CHUNK_BYTES = 65536


class ProtocolError(RuntimeError):
    """The server said something else than what was expected."""


@functools.cache
def _address(host: str) -> str:
    """Its first address, asked for once: a look-up costs as much as the TCP connection."""
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


class Session:
    """A TLS connection that speaks in lines."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection((_address(host), port), timeout=TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname=host)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._socket.sendall(data)

    def line(self) -> bytes:
        """Returns the next line without its end.

        Raises:
            ProtocolError: the server closed the connection.
        """
        while b"\n" not in self._buffer:
            received = self._socket.recv(_CHUNK_BYTES)
            if not received:
                raise ProtocolError("connection closed")
            self._buffer += received
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip(b"\r")


class Smtp(Session):
    """A submission session, logged in; commands go out in one piece (RFC 2920)."""

    def __init__(self, host: str, address: str, password: str, context: ssl.SSLContext) -> None:
        super().__init__(host, 465, context)
        self._expect(b"220")
        self.send(b"EHLO load.example\r\n")
        self._expect(b"250")
        plain = base64.b64encode(f"\0{address}\0{password}".encode())
        self.send(b"AUTH PLAIN " + plain + b"\r\n")
        self._expect(b"235")
        self._address = address

    def submit(self, recipient: str, message: bytes) -> None:
        """Sends a message whose lines are already dot-stuffed; returns at the 250.

        Raises:
            ProtocolError: it was refused.
        """
        self.send(f"MAIL FROM:<{self._address}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            self._expect(code)
        self.send(message + b"\r\n.\r\n")
        self._expect(b"250")

    def _expect(self, code: bytes) -> None:
        line = self.line()
        while line[3:4] == b"-":
            line = self.line()
        if not line.startswith(code):
            raise ProtocolError(f"wanted {code.decode()}, got {line.decode(errors='replace')}")


class Imap(Session):
    """An IMAP session, logged in; the first login of an address makes it."""

    def __init__(self, host: str, address: str, password: str, context: ssl.SSLContext) -> None:
        super().__init__(host, 993, context)
        self.line()
        self.command(f'LOGIN "{address}" "{password}"')

    def command(self, text: str) -> list[bytes]:
        """Sends a command and returns the untagged lines of its answer.

        Raises:
            ProtocolError: it failed.
        """
        self.send(f"x {text}\r\n".encode())
        untagged = []
        while not (line := self.line()).startswith(b"x "):
            untagged.append(line)
        if not line.startswith(b"x OK"):
            raise ProtocolError(line.decode(errors="replace"))
        return untagged

    def messages(self) -> int:
        """Returns how many messages INBOX holds."""
        [status] = self.command("STATUS INBOX (MESSAGES)")
        return int(status.rsplit(b" ", 1)[1].rstrip(b")"))

    def idles(self) -> None:
        """Begins to wait for news in INBOX (RFC 2177)."""
        self.command("SELECT INBOX")
        self.send(b"x IDLE\r\n")
        while not self.line().startswith(b"+"):
            pass

    def notice(self) -> None:
        """Waits for the notice of a new message."""
        while not self.line().endswith(b"EXISTS"):
            pass
