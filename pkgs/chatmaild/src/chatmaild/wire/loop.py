"""Serve many local connections in one thread: wait with epoll, read, write the answers.

asyncio costs more for each wake-up than the filter needs for a small message, and one thread for
each connection would wait for the interpreter lock. Slow work (DNS) runs in other threads.

Connections outlive the process as listening sockets do (`systemd.py`): at its end, it hands over
each connection whose session has a state, and the next process continues it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from chatmaild.errors import ProtocolError
from chatmaild.logs import log_error

# more than a unix socket holds by default (net.core.wmem_default, 208 KiB)
_READ_BYTES: Final = 1 << 18
# bounds how long a burst of new connections delays the open ones
_ACCEPTED_AT_ONCE: Final = 16

Work = Callable[[], bytes]


class State(NamedTuple):
    """What a new session needs to continue one.

    Attributes:
        kind: which protocol the session speaks.
        content: what it needs to know.
    """

    kind: str
    content: bytes


Keep = Callable[[socket.socket, State], None]


class Session(Protocol):
    """The protocol of one connection."""

    @property
    def state(self) -> State | None:
        """The state from which a new session continues this one; None where there is none."""

    def receive(self, data: bytes) -> bytes | Work:
        """Take received bytes; return the answer, or the work that finds it in a thread.

        Raises:
            ProtocolError: the bytes are not of the protocol; the connection is closed.
        """

    def settle(self) -> None:
        """Do what the peer need not wait for; called when the answer is sent."""

    def close(self) -> None:
        """Release what the session holds; called once, at the end of the connection."""


class _Connection:
    __slots__ = ("session", "socket", "unsent")

    def __init__(self, peer: socket.socket, session: Session) -> None:
        self.socket = peer
        self.session = session
        self.unsent = b""


class Loop:
    """Serves listening sockets, each with its sessions, until `stop`."""

    def __init__(self, listeners: Mapping[socket.socket, Callable[[], Session]]) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._new_session = {listener.fileno(): new for listener, new in listeners.items()}
        self._connections: dict[int, _Connection] = {}
        self._working = 0
        self._done: queue.SimpleQueue[tuple[_Connection, bytes]] = queue.SimpleQueue()
        self._stopping = False
        self._events = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # one for all: a new one of this size would be mapped and unmapped for each read
        self._room = memoryview(bytearray(_READ_BYTES))
        self._epoll = select.epoll()
        self._epoll.register(self._events, select.EPOLLIN)
        for descriptor in self._listeners:
            self._epoll.register(descriptor, select.EPOLLIN)

    def add(self, peer: socket.socket, session: Session) -> None:
        """Serve a connection that is already open."""
        peer.setblocking(False)
        self._resume(_Connection(peer, session))

    def stop(self) -> None:
        """Let `run` end; may be called by signal handlers and other threads."""
        self._stopping = True
        os.eventfd_write(self._events, 1)

    def run(self, keep: Keep, drain_s: float) -> None:
        """Serve until `stop`, then serve the connections without a state for at most `drain_s`.

        `keep` gets every other connection with its state; then it is closed here.
        """
        while not self._stopping:
            self._turn(-1)
        for descriptor in self._listeners:
            self._epoll.unregister(descriptor)
        deadline_s = time.monotonic() + drain_s
        while True:
            self._hand_over(keep)
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not (self._connections or self._working):
                break
            self._turn(left_s)
        for connection in list(self._connections.values()):
            self._close(connection)

    def _turn(self, timeout_s: float) -> None:
        for descriptor, _ in self._epoll.poll(timeout_s):
            connection = self._connections.get(descriptor)
            if connection is not None:
                self._serve(connection)
            elif descriptor == self._events:
                self._take_answers()
            elif not self._stopping:
                self._accept(descriptor)

    def _accept(self, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            for _ in range(_ACCEPTED_AT_ONCE):
                peer, _address = self._listeners[descriptor].accept()
                self.add(peer, self._new_session[descriptor]())

    def _serve(self, connection: _Connection) -> None:
        """Read or write once; a fault of one connection ends that one alone."""
        try:
            if connection.unsent:
                self._send(connection, connection.unsent)
                return
            count = connection.socket.recv_into(self._room)
            if count:
                data = bytes(self._room[:count])
                self._answer(connection, connection.session.receive(data))
                return
        except BlockingIOError:
            return
        except (ConnectionError, ProtocolError):
            pass
        except Exception as error:
            log_error("connection", error)
        self._close(connection)

    def _answer(self, connection: _Connection, answer: bytes | Work) -> None:
        if not isinstance(answer, bytes):
            # a daemon: the end of the process does not wait for DNS
            thread = threading.Thread(target=self._work, args=(connection, answer), daemon=True)
            self._pause(connection)
            try:
                thread.start()
            except RuntimeError:  # there are too many; this connection ends, see `_serve`
                self._resume(connection)
                raise
            self._working += 1
        elif answer:
            self._send(connection, answer)
            connection.session.settle()

    def _send(self, connection: _Connection, answer: bytes) -> None:
        try:
            sent = connection.socket.send(answer)
        except BlockingIOError:
            sent = 0
        was_unsent, connection.unsent = bool(connection.unsent), answer[sent:]
        if bool(connection.unsent) != was_unsent:
            events = select.EPOLLOUT if connection.unsent else select.EPOLLIN
            self._epoll.modify(connection.socket, events)

    def _work(self, connection: _Connection, work: Work) -> None:
        """In a thread."""
        try:
            answer = work()
        except Exception as error:
            log_error("work", error)
            answer = b""
        self._done.put((connection, answer))
        os.eventfd_write(self._events, 1)

    def _take_answers(self) -> None:
        os.eventfd_read(self._events)
        with contextlib.suppress(queue.Empty):
            while True:
                connection, answer = self._done.get_nowait()
                self._working -= 1
                self._resume(connection)
                try:
                    self._send(connection, answer)
                    connection.session.settle()
                except ConnectionError:
                    self._close(connection)

    def _hand_over(self, keep: Keep) -> None:
        for connection in list(self._connections.values()):
            state = None if connection.unsent else connection.session.state
            if state is not None:
                keep(connection.socket, state)
                self._close(connection)

    def _pause(self, connection: _Connection) -> None:
        descriptor = connection.socket.fileno()
        self._epoll.unregister(descriptor)
        del self._connections[descriptor]

    def _resume(self, connection: _Connection) -> None:
        descriptor = connection.socket.fileno()
        self._connections[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)

    def _close(self, connection: _Connection) -> None:
        self._pause(connection)
        connection.session.close()
        connection.socket.close()
