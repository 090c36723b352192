"""Many IMAP clients that connect at the same moment and stay in IDLE, in one thread.

Each does what Delta Chat does when its connection was lost: TLS, LOGIN, ID, the quota, SELECT,
IDLE. It resumes its TLS session (RFC 8446 section 2.2) if it has a ticket of an earlier connection.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import resource
import selectors
import socket
import ssl
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Self

from chatmail_testkit.people.names import Account

IMAPS = 993
_CHUNK_BYTES = 16384
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
# what it waits for; ends in IDLE
_Steps = Generator[int, None, None]


class RefusedError(RuntimeError):
    """The server refused a command, or closed the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What became of clients that connected together.

    `times_s` are the seconds from the start until each was in IDLE, sorted. `cpu_s` is the CPU
    time of this process, which is not the server's.
    """

    times_s: Sequence[float]
    resumed: int
    refusals: Sequence[str]
    cpu_s: float


def without_verification() -> ssl.SSLContext:
    """Returns a context that checks no certificate, to save CPU time of the clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """One client with its account, source IP address and TLS ticket."""

    account: Account
    port: int = IMAPS
    source: str = ""
    ticket: ssl.SSLSession | None = None
    resumed: bool = False
    tls: ssl.SSLSocket | None = None
    waits_on: socket.socket | None = None
    _buffer: bytearray = field(default_factory=bytearray)

    def steps(self, server: str, context: ssl.SSLContext) -> _Steps:
        """Connects, logs in and enters IDLE; yields what it waits for.

        Raises:
            OSError: the connection failed.
            RefusedError: a command failed.
        """
        yield from self._connects(server, context)
        yield from self._line()  # the greeting
        account = self.account
        for command in (
            f'LOGIN "{account.address}" "{account.password}"',
            'ID ("name" "Delta Chat")',
            "GETQUOTAROOT INBOX",
            "SELECT INBOX",
        ):
            self._sends(f"x {command}\r\n")
            while not (line := (yield from self._line())).startswith(b"x "):
                pass
            if not line.startswith(b"x OK"):
                raise RefusedError(line.decode(errors="replace"))
        self._sends("x IDLE\r\n")
        while not (yield from self._line()).startswith(b"+"):
            pass
        assert self.tls
        self.ticket = self.tls.session

    def leaves(self) -> None:
        """Closes the connection without a word, as a lost network does."""
        if self.tls is not None:
            self.tls.close()
        elif self.waits_on is not None:
            self.waits_on.close()
        self.tls = self.waits_on = None
        self._buffer.clear()

    def _connects(self, server: str, context: ssl.SSLContext) -> _Steps:
        plain = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET)
        try:
            plain.setblocking(False)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.source:
                plain.bind((self.source, 0))
            plain.connect_ex((server, self.port))
            self.waits_on = plain
            yield _WRITE
            plain.getpeername()  # raises what the connection failed with
            self.tls = context.wrap_socket(
                plain,
                server_hostname=self.account.host,
                do_handshake_on_connect=False,
                session=self.ticket,
            )
        except BaseException:
            plain.close()
            raise
        self.waits_on = self.tls
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                break
            yield _READ
        self.resumed = bool(self.tls.session_reused)

    def _sends(self, text: str) -> None:
        assert self.tls
        self.tls.send(text.encode())  # short: the socket has room

    def _line(self) -> Generator[int, None, bytes]:
        assert self.tls
        while (end := self._buffer.find(b"\n")) < 0:
            try:
                piece = self.tls.recv(_CHUNK_BYTES)
            except ssl.SSLWantReadError:
                yield _READ
                continue
            if not piece:
                raise RefusedError("the server closed the connection")
            self._buffer += piece
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line


class _Run:
    """Clients that connect now."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.times_s: list[float] = []
        self.refusals: list[str] = []
        self._selector = selector
        self._start_s = time.monotonic()

    def goes_on(
        self, client: Client, steps: _Steps, key: selectors.SelectorKey | None = None
    ) -> bool:
        """Returns whether the client has more to do."""
        before = client.waits_on
        event = 0
        try:
            event = next(steps)
        except StopIteration:
            self.times_s.append(time.monotonic() - self._start_s)
        except (OSError, RefusedError) as error:
            self.refusals.append(f"{type(error).__name__}: {error}")
        if key and (event != key.events or client.waits_on is not before):
            self._selector.unregister(key.fd)
            key = None
        if event and key is None:
            assert client.waits_on
            self._selector.register(client.waits_on, event, (client, steps))
        return bool(event)


class Crowd:
    """Clients of one server, which connect together again and again."""

    def __init__(self, host: str, accounts: Sequence[Account], sources: Sequence[str] = ()) -> None:
        family = socket.AF_INET6 if sources and ":" in sources[0] else socket.AF_INET
        [found, *_] = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
        self._server = str(found[4][0])
        self._context = without_verification()
        places = itertools.cycle(sources or [""])
        self.clients = [Client(account=account, source=next(places)) for account in accounts]

    def lands(self, at_once: int, within_s: float) -> Landing:
        """Connects all clients, at most `at_once` at the same time; returns when all are in IDLE.

        A client that the server refuses does not try again.
        """
        cpu_s, deadline_s = _cpu_s(), time.monotonic() + within_s
        waiting = collections.deque(self.clients)
        running = 0
        with selectors.EpollSelector() as selector:
            run = _Run(selector)
            while (waiting or running) and time.monotonic() < deadline_s:
                while waiting and running < at_once:
                    client = waiting.popleft()
                    client.leaves()
                    running += run.goes_on(client, client.steps(self._server, self._context))
                for key, _ in selector.select(0.1):
                    client, steps = key.data
                    running -= not run.goes_on(client, steps, key)
        return Landing(
            times_s=run.times_s,
            resumed=sum(client.resumed for client in self.clients),
            refusals=[*run.refusals, *["not in IDLE in time"] * (running + len(waiting))],
            cpu_s=_cpu_s() - cpu_s,
        )

    def leaves(self) -> None:
        """Closes all connections."""
        for client in self.clients:
            client.leaves()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leaves()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
