"""Compares our reader of HTTP with h11 and httptools, where these are installed: CPU time each.

    PYTHONPATH=src python bench/http_readers.py [--rounds N] [--requests N]

Paired rounds: each round runs every reader once, in turns. Reading alone is measured; the libraries
do not refuse all that ours refuses. `scripts/bench model` has the cost of a login.
"""

import argparse
import asyncio
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

from chatmaild.wire.http1 import Body, parse_request, read_head

FORM = b"grant_type=password&username=u12345678@chat.example.org&password=secret-password"
LOGIN = (
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1:8700\r\nDate: Sun, 29 Nov 2026 00:00:00 +0000\r\n"
    b"User-Agent: dovecot-oauth2-passdb/2.4.1\r\nConnection: Keep-Alive\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%b"
) % (len(FORM), FORM)
MESSAGE = b"x" * 78 + b"\r\n"
MXDELIV = (
    b"POST /mxdeliv HTTP/1.1\r\nHost: b.test\r\nX-Real-IP: 192.0.2.11\r\nConnection: close\r\n"
    b"Content-Length: 20000\r\nX-MAIL-FROM: u12345678@a.test\r\nX-MAIL-TO: u12345678@b.test\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n"
) + MESSAGE * 250

Read = Callable[[int], None]


def own_login(count: int) -> None:
    """Whole requests."""
    for _ in range(count):
        request, _ = parse_request(LOGIN)
        assert request is not None
        assert request.body == FORM


def own_mxdeliv(count: int) -> None:
    """Heads and bodies from streams."""

    async def scenario() -> None:
        for _ in range(count):
            reader = asyncio.StreamReader()
            reader.feed_data(MXDELIV)
            head = await read_head(reader)
            assert head.values("x-mail-to")
            async for _ in Body(reader, head.content_length).pieces():
                pass

    asyncio.run(scenario())


def h11_reads(data: bytes) -> Read:
    """A connection for each request."""
    h11: Any = importlib.import_module("h11")

    def read(count: int) -> None:
        for _ in range(count):
            connection = h11.Connection(h11.SERVER)
            connection.receive_data(data)
            request = connection.next_event()
            assert dict(request.headers)
            while not isinstance(connection.next_event(), h11.EndOfMessage):
                pass

    return read


def httptools_reads(data: bytes) -> Read:
    """Callbacks that collect what a handler needs, as text."""
    httptools: Any = importlib.import_module("httptools")

    class Collector:
        def __init__(self) -> None:
            self.headers: list[tuple[str, str]] = []
            self.url = self.body = b""
            self.is_complete = False

        def on_url(self, url: bytes) -> None:
            self.url += url

        def on_header(self, name: bytes, value: bytes) -> None:
            self.headers.append((name.decode().lower(), value.decode()))

        def on_body(self, piece: bytes) -> None:
            self.body += piece

        def on_message_complete(self) -> None:
            self.is_complete = True

    def read(count: int) -> None:
        for _ in range(count):
            collector = Collector()
            parser = httptools.HttpRequestParser(collector)
            parser.feed_data(data)
            assert collector.is_complete
            assert parser.get_method()
            assert httptools.parse_url(collector.url).path

    return read


def main() -> None:
    """Print the median CPU time of a request, and the median of its differences to ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=1000)
    arguments = parser.parse_args()
    for what, own, data in (("login", own_login, LOGIN), ("/mxdeliv", own_mxdeliv, MXDELIV)):
        readers: dict[str, Read] = {"own": own}
        if importlib.util.find_spec("h11"):
            readers["h11"] = h11_reads(data)
        if importlib.util.find_spec("httptools"):
            readers["httptools"] = httptools_reads(data)
        costs: dict[str, list[float]] = {name: [] for name in readers}
        for number in range(arguments.rounds):
            names = list(readers)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                started_s = time.process_time()
                readers[name](arguments.requests)
                spent_s = time.process_time() - started_s
                costs[name].append(1e6 * spent_s / arguments.requests)
        for name, found in costs.items():
            more = statistics.median(a - b for a, b in zip(found, costs["own"], strict=True))
            print(f"{what:<9} {name:<10} {statistics.median(found):7.1f} us, {more:+7.1f} us")


if __name__ == "__main__":
    main()
