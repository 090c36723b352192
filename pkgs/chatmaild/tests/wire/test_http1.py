"""The strict reader of HTTP: whole requests, and bodies in pieces."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.wire.http1 import (
    MAX_HEAD_BYTES,
    Body,
    BodyEndsEarlyError,
    Head,
    HttpError,
    Response,
    json_response,
    parse_request,
    plain_response,
    read_head,
)

Reader = Callable[[bytes], Head]
END = b"\r\n\r\n"


def whole(data: bytes) -> Head:
    """Read as the accounts service does."""
    request, _ = parse_request(data)
    assert request is not None
    return request.head


def streamed(data: bytes) -> Head:
    """Read as the transport service does."""

    async def scenario() -> Head:
        reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_head(reader)

    return asyncio.run(scenario())


both = pytest.mark.parametrize("read", [whole, streamed])


@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_an_error_or_not_enough(data: bytes) -> None:
    """The reader raises nothing else."""
    with contextlib.suppress(HttpError):
        request, used = parse_request(data)
        assert (request is None) == (used == 0)


PIECES = [b" ", b"/", b"\r", b"\n", b"\r\n", b":", b"a", b"\t", b"\0", b"Content-Length", b"\xff"]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_text_has_a_second_line(pieces: list[bytes]) -> None:
    """No control character but the tab gets past the reader."""
    with contextlib.suppress(HttpError):
        head = whole(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(pieces).strip(b"\r\n") + END)
        texts = [
            head.method,
            head.path,
            head.query,
            *(text for pair in head.fields for text in pair),
        ]
        assert not any(char < " " and char != "\t" for text in texts for char in text)


@both
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/2\r\n\r\n", 400), (b"GET\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400), (b"GET http://127.0.0.1 HTTP/1.1\r\n\r\n", 400),
        (b"GET http://127.0.0.1.example/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n x: y\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"x" * 20000, 431),
    ],
)  # fmt: skip
def test_unreadable_requests(read: Reader, data: bytes, status: int) -> None:
    """Refused by their status."""
    with pytest.raises(HttpError) as caught:
        read(data)

    assert caught.value.status == status


@both
@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.x", b"GET / HTTP/1.10", b"GET / HTTP/1.", b"G(T / HTTP/1.1",
        b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"\r\nGET / HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET * HTTP/1.1",
        b"GET / HTTP/1.1\nx: a", b"GET / HTTP/1.1\r", b"GET\t/ HTTP/1.1",
    ],
)  # fmt: skip
def test_other_request_lines(read: Reader, line: bytes) -> None:
    """400: two readers that disagree about a request let one be smuggled in the other."""
    with pytest.raises(HttpError) as caught:
        read(line + b"\r\nHost: x" + END)

    assert caught.value.status == 400


@both
@pytest.mark.parametrize(
    "fields",
    [
        b"x: a\nb: c", b"x: a\rb: c", b"x: a\r\r\nb: c", b"x: a\r\n b", b"x: a\r\n\tb: c",
        b"x: a\0b", b"x: a\x1b[0m", b"x: \x7f", b"x : a", b": a", b"a b: c", b"\xc3\xa9: c",
        b"x\0: c", b"x", b"Content-Length: +1", b"Content-Length: 1, 1", b"Content-Length:",
        b"Content-Length: 0x1", b"Content-Length: \xd9\xa1", b"Content-Length: 1 1",
        b"Content-Length: 1\r\ncontent-length: 1", b"host: x",
    ],
)  # fmt: skip
def test_fields_that_other_readers_may_understand_otherwise(read: Reader, fields: bytes) -> None:
    """400, for the same reason; a second Host among them."""
    with pytest.raises(HttpError) as caught:
        read(b"POST / HTTP/1.1\r\nHost: x\r\n" + fields + END)

    assert caught.value.status == 400


@both
def test_a_request_without_a_host(read: Reader) -> None:
    """Only HTTP/1.0 may leave it out (RFC 9112 section 3.2)."""
    with pytest.raises(HttpError) as caught:
        read(b"GET / HTTP/1.1" + END)

    assert caught.value.status == 400
    assert read(b"GET / HTTP/1.0" + END).path == "/"


@both
def test_a_request_with_all_its_parts(read: Reader) -> None:
    """Names in lower case, values without blanks around them, in their order, UTF-8."""
    head = read(
        b"GET /new?a=%20&b HTTP/1.1\r\nHost: y\r\n"
        b"X-One: \t a \tb \r\nx-two:\r\nX-ONE: j\xc3\xbcrgen\xff\r\n\r\n"
    )

    assert (head.method, head.path, head.query) == ("GET", "/new", "a=%20&b")
    assert head.values("x-one") == ["a \tb", "jürgen\udcff"]
    assert head.value("x-one") == "a \tb, jürgen\udcff"
    assert head.values("x-two") == [""]
    assert (head.values("x-three"), head.value("x-three")) == ([], "")
    assert head.content_length == 0
    assert head.keep_alive


@both
@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        (b"1.1", b"keep-alive", True), (b"1.1", b"close", False), (b"1.1", b"TE, Close", False),
        (b"1.0", b"", False), (b"1.0", b"keep-alive", False), (b"1.2", b"", True),
    ],
)  # fmt: skip
def test_connections_that_stay_open(
    read: Reader, version: bytes, connection: bytes, keeps: bool
) -> None:
    """HTTP/1.1 without `close` (RFC 9112 section 9.3)."""
    data = b"GET / HTTP/%b\r\nHost: x\r\nConnection: %b\r\n\r\n" % (version, connection)

    assert read(data).keep_alive == keeps


def test_a_body_in_pieces() -> None:
    """The body is read, and no byte of the next request."""

    async def scenario() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET")
        body = Body(reader, (await read_head(reader)).content_length)

        assert b"".join([piece async for piece in body.pieces()]) == b"hello"
        assert body.left_bytes == 0
        assert await reader.read(100) == b"GET"
        reader.feed_eof()
        with pytest.raises(BodyEndsEarlyError):
            async for _ in Body(reader, 1).pieces():
                pass
        with pytest.raises(EOFError):
            await read_head(reader)

    asyncio.run(scenario())


def test_answers() -> None:
    """A Content-Type only with a body; HEAD gets no body."""
    assert Response(status=204, headers={"X": "y"}).encode(keep_alive=True) == (
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX: y\r\n\r\n"
    )
    assert plain_response(405, allow="POST").encode(keep_alive=False) == (
        b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 18\r\nAllow: POST\r\nConnection: close\r\n\r\nMethod Not Allowed"
    )
    assert json_response({"a": "ü"}).encode(keep_alive=True, head_only=True) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: 11\r\n\r\n"
    )
