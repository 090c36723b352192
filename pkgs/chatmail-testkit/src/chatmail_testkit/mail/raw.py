"""SMTP and IMAP on a socket: the one client of this repository that uses no mail library.

Only measurements use it, because load runs on the cores of the server that it measures. Everything
else takes `smtp.Smtp` and `imap.Imap`. User and system CPU time of the client (Python 3.11,
aiosmtplib 5.1.3, imapclient 4.1.0; loopback, TLS 1.3 without verification):

| work | raw | library |
| --- | --- | --- |
| message of 2 KB | 0.21 ms | 1.0 ms |
| message of 100 KB | 0.44 ms | 5.4 ms |
| message of 5 MB | 6.8 ms | 147 ms |
| IMAP connection and login | 1.9 ms | 3.1 ms |
"""

from __future__ import annotations

import base64
import functools
import socket
import ssl
from typing import Self

HELLO = "load.example"
TIMEOUT_S = 60
SUBMISSIONS, IMAPS = 465, 993
_CHUNK_BYTES = 65536


class ProtocolError(RuntimeError):
    """The server answered something else than expected."""


@functools.cache
def _ip_address(host: str) -> str:
    """Returns the first one; cached, because a look-up costs as much as the TCP connection."""
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


class Connection:
    """A TLS connection that is read in lines."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        plain = socket.create_connection((_ip_address(host), port), timeout=TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = tls.wrap_socket(plain, server_hostname=host)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
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


class RawSmtp(Connection):
    """A session on port 465, logged in."""

    def __init__(self, host: str, address: str, password: str, tls: ssl.SSLContext) -> None:
        super().__init__(host, SUBMISSIONS, tls)
        self._address = address
        try:
            self._login(password)
        except BaseException:
            self.close()
            raise

    def _login(self, password: str) -> None:
        self._expect(b"220")
        self.send(f"EHLO {HELLO}\r\n".encode())
        self._expect(b"250")
        plain = base64.b64encode(f"\0{self._address}\0{password}".encode())
        self.send(b"AUTH PLAIN " + plain + b"\r\n")
        self._expect(b"235")

    def submit(self, recipient: str, message: bytes) -> None:
        """Sends a message whose lines are already dot-stuffed; returns at the 250.

        The commands go out in one piece (RFC 2920).

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


class RawImap(Connection):
    """An IMAP session, logged in; the first login of an address creates it."""

    def __init__(self, host: str, address: str, password: str, tls: ssl.SSLContext) -> None:
        super().__init__(host, IMAPS, tls)
        try:
            self.line()
            self.command(f'LOGIN "{address}" "{password}"')
        except BaseException:
            self.close()
            raise

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
        """Selects INBOX and begins IDLE (RFC 2177)."""
        self.command("SELECT INBOX")
        self.send(b"x IDLE\r\n")
        while not self.line().startswith(b"+"):
            pass

    def notice(self) -> None:
        """Waits for the notice of a new message."""
        while not self.line().endswith(b"EXISTS"):
            pass
