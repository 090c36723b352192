"""Answers of HTTP servers, read from their bytes, and requests that our own reader takes."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.errors import ProtocolError
from chatmaild.wire.http1 import json_response, parse_request
from chatmaild.wire.http_client import Answer, read_answer, request

MOST = 1000


def read(data: bytes) -> Answer:
    """Read an answer from a connection that ends after these bytes."""

    async def scenario() -> Answer:
        reader = asyncio.StreamReader(limit=MOST)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_answer(reader, MOST)

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("data", "status", "body", "keep"),
    [
        (json_response({"a": 1}).encode(keep_alive=True), 200, b'{"a": 1}', True),
        (json_response({}, 503).encode(keep_alive=False), 503, b"{}", False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, b"", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", False),
        (b"HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n", 404, b"no\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000, 200, b"x" * MOST, False),
    ],
)
def test_answers(data: bytes, status: int, body: bytes, *, keep: bool) -> None:
    """With a length, until the end, in chunks, and too long."""
    assert read(data) == Answer(status=status, body=body, keep=keep)


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example.org ESMTP\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * MOST + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2 * MOST,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    """Another protocol, or one without an end."""
    with pytest.raises(ProtocolError):
        read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_an_error(data: bytes) -> None:
    """Of the kinds that callers expect."""
    with contextlib.suppress(ProtocolError, EOFError):
        read(data)


def test_a_request_is_one_for_our_server() -> None:
    """Which is strict."""
    sent = request("POST", "/login?a=b", host="[fd00::1]:8702", body=b"x=1", headers={"A-B": "c"})
    parsed, length = parse_request(sent)

    assert parsed is not None
    assert length == len(sent)
    assert (parsed.head.method, parsed.head.path, parsed.head.query) == ("POST", "/login", "a=b")
    assert (parsed.head.value("a-b"), parsed.body) == ("c", b"x=1")
    assert parsed.head.keep_alive
