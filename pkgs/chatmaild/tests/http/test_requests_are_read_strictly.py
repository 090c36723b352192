"""What is no HTTP/1.1, or has two meanings, gets its status and ends the connection."""

import asyncio
import pathlib
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild import serve
from chatmaild.http.messages import Request, Response
from chatmaild.http.server import MAX_HEAD_BYTES, connection

from .conftest import MAX_BODY_BYTES, Server

Servers = Callable[..., AbstractAsyncContextManager[Server]]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
BIG = b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/2\r\n\r\n", 400), (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400), (b"GET / HTTP/0.9\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400), (GET + b"Host: y\r\n\r\n", 400),
        (GET + b"bad header\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n x: y\r\n\r\n", 400),
        (GET + b"x : y\r\n\r\n", 400), (GET + b"x: a\rb\r\n\r\n", 400),
        (GET + b"x: \x00\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: +1\r\n\r\nx", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001, 413),
        (GET + BIG + b"\r\n", 431),
    ],
)  # fmt: skip
def test_unreadable_requests(server: Servers, data: bytes, status: int) -> None:
    """Refused by their status; what follows on the connection is not read as a request."""

    async def scenario() -> None:
        async with server() as s:
            answer = await s.sends(data + GET + b"\r\n")

            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert b"\r\nConnection: close\r\n" in answer
            assert answer.endswith(b'{"reason": "%d"}' % status)
            assert answer.count(b"HTTP/1.1") == 1
            assert s.received == []

    asyncio.run(scenario())


@pytest.mark.parametrize("data", [b"x" * (MAX_HEAD_BYTES + 1), GET + BIG])
def test_a_head_without_end(server: Servers, data: bytes) -> None:
    """Is refused as soon as it is too long."""

    async def scenario() -> None:
        async with server() as s:
            assert (await s.sends(data, eof=False)).startswith(b"HTTP/1.1 431 ")

    asyncio.run(scenario())


@given(st.binary(max_size=400))
def test_any_octets_end_in_peace(data: bytes) -> None:
    """Answers or none, and never an error that has to be logged."""

    async def scenario(server: Server) -> bytes:
        listener = serve.listen_unix(server.path)
        async with serve.streams(listener, connection(server.handle)):
            return await server.sends(data)

    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        logged: list[object] = []
        patch.setattr(serve, "log_error", lambda *error: logged.append(error))
        answer = asyncio.run(scenario(Server(pathlib.Path(directory) / "http")))

    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert logged == []


@pytest.mark.parametrize("size_bytes", [0, 1, MAX_BODY_BYTES])
def test_bodies_of_either_framing(server: Servers, size_bytes: int) -> None:
    """A length before, or chunks; in one piece or octet by octet."""
    body = b"x" * size_bytes
    chunk = b"%x\r\n%s\r\n" % (size_bytes, body) if body else b""
    for data in (
        POST + b"Content-Length: %d\r\n\r\n%s" % (size_bytes, body),
        POST + b"Transfer-Encoding: Chunked\r\n\r\n" + chunk + b"0\r\nTrailer: x\r\n\r\n",
    ):

        async def scenario(data: bytes = data) -> None:
            async with server() as s:
                for pieces in ([data], [data[n : n + 1] for n in range(len(data))]):
                    answer = await s.sends(*pieces)

                    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
                    assert answer.endswith(b'{"bytes": %d}' % size_bytes)
                assert s.received == [("POST", "/", "", body)] * 2

        asyncio.run(scenario())


def test_header_fields_reach_the_handler(tmp_path: pathlib.Path) -> None:
    """Several of one name in their order, in UTF-8 or not; the last one is the value."""

    async def handle(request: Request) -> Response:
        values = request.values("x-mail-to")
        text = "|".join([*values, request.value("x-mail-to"), request.value("none")])
        return Response(body=text.encode(errors="surrogateescape"))

    async def scenario() -> bytes:
        server = Server(tmp_path / "http")
        async with serve.streams(serve.listen_unix(server.path), connection(handle)):
            return await server.sends(GET + b"X-MAIL-TO: \xc3\xbc \r\nx-mail-to:\xff\r\n\r\n")

    assert asyncio.run(scenario()).endswith("\r\n\r\nü|".encode() + b"\xff|\xff|")
