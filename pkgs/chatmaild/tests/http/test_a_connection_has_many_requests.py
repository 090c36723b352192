"""Answers early and late, one after the other, until one side has enough."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from chatmaild import serve
from chatmaild.http import server as http_server

from .conftest import Server

Servers = Callable[..., AbstractAsyncContextManager[Server]]
GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
EARLY = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"


def test_requests_one_after_the_other(server: Servers) -> None:
    """Sent before the answers are there, and cut anywhere."""
    data = POST + b"\r\nabc" + GET + b"\r\n" + POST + b"\r\ndef"

    async def scenario() -> None:
        async with server() as s:
            for cut in range(len(data)):
                answers = await s.sends(data[:cut], data[cut:])

                assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
                assert b"Connection: close" not in answers
                requests = [
                    ("POST", "/", "", b"abc"), ("GET", "/a", "b", b""), ("POST", "/", "", b"def")
                ]  # fmt: skip
                assert s.received == requests
                s.received.clear()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("first", "keep_alive"),
    [
        (GET + b"Connection: close\r\n\r\n", True),
        (GET + b"Connection: Foo, CLOSE\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (GET + b"\r\n", False),
    ],
)
def test_the_last_request(server: Servers, first: bytes, keep_alive: bool) -> None:
    """When either side says so, or the client is old, the connection ends after one."""

    async def scenario() -> None:
        async with server(keep_alive=keep_alive) as s:
            answer = await s.sends(first + GET + b"\r\n", eof=False)

            assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1
            assert b"\r\nConnection: close\r\n" in answer
            assert len(s.received) == 1

    asyncio.run(scenario())


def test_an_upgrade_is_not_made(server: Servers) -> None:
    """The request is answered as if nobody had asked for another protocol."""
    upgrade = GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"

    async def scenario() -> None:
        async with server() as s:
            assert (await s.sends(2 * upgrade)).count(b"HTTP/1.1 200 OK\r\n") == 2

    asyncio.run(scenario())


def test_head_has_no_body(server: Servers) -> None:
    """But the length that the body would have; the next answer follows at once."""

    async def scenario() -> None:
        async with server() as s:
            answers = await s.sends(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")
            head, _, rest = answers.partition(b"\r\n\r\n")

            assert b"Content-Length: 12" in head
            assert rest.startswith(b"HTTP/1.1 200 OK\r\n")

    asyncio.run(scenario())


def test_a_fault_is_an_answer_and_names_nobody(
    server: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    """And the connection goes on."""

    async def scenario() -> None:
        async with server() as s:
            answers = await s.sends(b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"\r\n")

            assert answers.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert answers.count(b"HTTP/1.1 200 OK\r\n") == 1
            assert b"alice" not in answers

    asyncio.run(scenario())
    assert "request failed: RuntimeError" in caplog.text
    assert "alice" not in caplog.text


def test_who_waits_to_be_asked_is_asked(server: Servers) -> None:
    """RFC 9110 section 10.1.1; once, and before the body is read."""

    async def scenario() -> None:
        async with server() as s:
            reader, writer = await asyncio.open_unix_connection(str(s.path))
            writer.write(POST + b"Expect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"abc")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.close()

    asyncio.run(scenario())


def test_who_waits_and_is_refused_sends_no_body(server: Servers) -> None:
    """The answer comes without 100, and the connection ends."""

    async def scenario() -> None:
        async with server() as s:
            head = EARLY % 10**9 + b"Expect: 100-continue\r\n\r\n"
            answer = await s.sends(head, eof=False)

            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert b"\r\nConnection: close\r\n" in answer

    asyncio.run(scenario())


def test_who_only_writes_gets_the_early_answer_all_the_same(server: Servers) -> None:
    """The body is thrown away meanwhile, and no reset takes the answer from the client."""

    async def scenario() -> None:
        async with server() as s:
            answer = await s.sends(EARLY % 10**7 + b"\r\n", b"x" * 10**7, eof=False)

            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert answer.endswith(b"\r\n\r\nno")

    asyncio.run(scenario())


def test_an_early_answer_is_not_kept_back_for_the_body(
    server: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that never sends it has the answer, and is left after a while."""
    monkeypatch.setattr(http_server, "LINGER_S", 0.1)

    async def scenario() -> None:
        async with server() as s:
            answer = await s.sends(EARLY % 10 + b"\r\n", eof=False)

            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")

    asyncio.run(scenario())


@pytest.mark.parametrize("data", [b"", b"GE", POST, POST + b"\r\nab"])
def test_who_breaks_off_is_left(
    server: Servers, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """In silence: nobody is there to hear of it, and nothing is wrong with us."""

    async def scenario() -> None:
        async with server() as s:
            assert await s.sends(data) == b""
            assert s.received == []

    asyncio.run(scenario())
    assert caplog.text == ""


def test_who_stands_still_is_left(server: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a body, or before the only request of a connection."""
    monkeypatch.setattr(http_server, "READ_S", 0.1)

    async def scenario() -> None:
        async with server() as s:
            assert await s.sends(POST + b"\r\nab", eof=False) == b""
        async with server(keep_alive=False) as s:
            assert await s.sends(b"", eof=False) == b""

    asyncio.run(scenario())


def test_a_restart_waits_for_answers_and_for_nothing_else(server: Servers) -> None:
    """Who was heard is answered; idle connections and half requests are not waited for."""

    async def scenario() -> None:
        async with server() as s:
            s.stall = asyncio.Event()
            idle = await asyncio.open_unix_connection(str(s.path))
            half = await asyncio.open_unix_connection(str(s.path))
            half[1].write(POST + b"\r\nab")
            heard = asyncio.create_task(s.sends(GET + b"\r\n", eof=False))
            await s.busy.wait()
            asyncio.get_running_loop().call_later(0.1, s.stall.set)
            started_s = time.monotonic()

        assert time.monotonic() - started_s < serve.DRAIN_S / 2
        assert (await heard).startswith(b"HTTP/1.1 200 OK\r\n")
        for reader, writer in (idle, half):
            assert await reader.read() == b""
            writer.close()

    asyncio.run(scenario())
