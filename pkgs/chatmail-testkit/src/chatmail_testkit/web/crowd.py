"""Thousands of HTTPS requests at the same moment, from many IP addresses."""

from __future__ import annotations

import contextlib
import itertools
import resource
import selectors
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from chatmail_testkit.traces.ledger import record, record_answer

ANSWER_BYTES = 4096
# answers for the ledger: all are alike, and the search is slow for names that a relay made
RECORDED = 200
_WAIT_S = 0.1

Wish = Literal["read", "write"] | None


class _Visitor:
    """One connection, up to its answer."""

    def __init__(self, plain: socket.socket, request: bytes, host: str) -> None:
        self.answer = bytearray()
        self._plain = plain
        self._request = request
        self._host = host
        self._tls: ssl.SSLSocket | None = None

    def goes_on(self, context: ssl.SSLContext) -> Wish:
        """Continues without blocking; returns what it waits for, None at the end.

        Raises:
            OSError: the connection ended before its answer.
        """
        try:
            if self._tls is None:
                # wrap_socket() of a connection that was reset leaves its socket open
                self._plain.getpeername()
                self._tls = context.wrap_socket(
                    self._plain, server_hostname=self._host, do_handshake_on_connect=False
                )
            if self._request:
                self._tls.do_handshake()
                self._tls.send(self._request)
                self._request = b""
            while piece := self._tls.recv(ANSWER_BYTES):
                self.answer += piece
        except ssl.SSLWantReadError:
            return "read"
        except ssl.SSLWantWriteError:
            return "write"
        return None

    def leaves(self) -> None:
        """Closes the connection."""
        (self._tls or self._plain).close()


def statuses(
    host: str,
    path: str,
    *,
    size: int,
    sources: Sequence[str],
    context: ssl.SSLContext,
    within_s: float,
) -> Counter[str]:
    """Sends `size` POST requests at once, from each source IP address in turn.

    Returns how many got each status; `refused` for connections that ended without one, `waiting`
    for those without one after `within_s`.
    """
    record("IP address", *sources)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Length: 0", "Connection: close"]
    request = "\r\n".join([*lines, "", ""])
    address = socket.getaddrinfo(host, 443, socket.AF_INET)[0][4][0]
    seen: Counter[str] = Counter()
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for number in range(size):
            plain = _opened(sources[number % len(sources)], str(address))
            visitor = _Visitor(plain, request.encode(), host)
            stack.callback(visitor.leaves)
            selector.register(plain.fileno(), selectors.EVENT_WRITE, visitor)
        for outcome in _outcomes(selector, context, time.monotonic() + within_s):
            seen[outcome] += 1
        seen["waiting"] = len(selector.get_map() or ())
    return +seen


def _opened(source: str, address: str) -> socket.socket:
    plain = socket.socket(socket.AF_INET)
    plain.setblocking(False)
    plain.bind((source, 0))
    with contextlib.suppress(BlockingIOError):
        plain.connect((address, 443))
    return plain


def _outcomes(
    selector: selectors.BaseSelector, context: ssl.SSLContext, deadline_s: float
) -> Iterator[str]:
    recorded = itertools.count()
    events = {"read": selectors.EVENT_READ, "write": selectors.EVENT_WRITE}
    while selector.get_map() and time.monotonic() < deadline_s:
        for key, _ in selector.select(_WAIT_S):
            visitor: _Visitor = key.data
            try:
                wish = visitor.goes_on(context)
            except OSError:
                wish = None
            if wish is None:
                selector.unregister(key.fileobj)
                visitor.leaves()
                if next(recorded) < RECORDED:
                    record_answer(bytes(visitor.answer).partition(b"\r\n\r\n")[2])
                yield _status(visitor.answer)
            else:
                selector.modify(key.fileobj, events[wish], visitor)


def _status(answer: bytearray) -> str:
    parts = bytes(answer[:32]).split()
    return parts[1].decode() if len(parts) > 1 else "refused"
