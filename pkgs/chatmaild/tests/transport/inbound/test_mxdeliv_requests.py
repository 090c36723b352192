"""Requests that are no POST of a message are refused, and nothing of them reaches Postfix."""

import asyncio

import pytest

from chatmaild.transport.inbound.mxdeliv import MAX_HEAD_BYTES

from .world import FROM_EVE, TO_BOB, relay


@pytest.mark.parametrize("char", ["\r", "\n", "\r\n "])
def test_no_line_end_gets_into_an_address(char: str) -> None:
    """A header field is one line."""

    async def scenario() -> None:
        async with relay() as r:
            status, _ = await r.posts(FROM_EVE, f"X-MAIL-TO: bob@us.test{char}RCPT TO:<x@x.test>")

            assert status == 400
            assert r.smtpd.sessions == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_other_methods(method: str) -> None:
    """Only POST delivers."""

    async def scenario() -> None:
        async with relay() as r:
            answer = await r.sends(f"{method} /mxdeliv HTTP/1.1\r\nHost: us.test\r\n\r\n".encode())

            assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /mxdeliv HTTP/1.1\r\nHost: us.test\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /mxdeliv HTTP/1.1\r\nHost: us.test\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (
            b"POST /mxdeliv HTTP/1.1\r\nHost: us.test\r\nX: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
            b"431",
        ),
    ],
)
def test_requests_that_nginx_never_sends(request_: bytes, status: bytes) -> None:
    """They get a clear answer all the same."""

    async def scenario() -> None:
        async with relay() as r:
            assert status == (await r.sends(request_)).split(b" ")[1]

    asyncio.run(scenario())


def test_a_request_that_breaks_off_is_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    """Postfix drops a message without its lone dot; a client that leaves is no error of ours."""

    async def scenario() -> None:
        async with relay() as r:
            head = (
                f"POST /mxdeliv HTTP/1.1\r\nHost: us.test\r\nContent-Length: 9\r\n{TO_BOB}\r\n\r\n"
            )
            await r.sends(head.encode() + b"half")

            assert (r.smtpd.sessions, r.smtpd.accepted) == (1, [])
            assert not caplog.records

    asyncio.run(scenario())


def test_a_connection_takes_one_request_after_the_other() -> None:
    """nginx keeps it open; a client that asks for its end gets it."""
    one = (
        f"POST /mxdeliv HTTP/1.1\r\nHost: us.test\r\n{FROM_EVE}\r\n{TO_BOB}\r\n"
        "Content-Length: 3\r\n"
    )

    async def scenario() -> None:
        async with relay() as r:
            answers = await r.sends(
                f"{one}\r\nx\r\n{one}Connection: close\r\n\r\ny\r\n{one}\r\nz\r\n".encode()
            )
            assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
            assert answers.count(b"Connection: close\r\n") == 1
            assert len(r.smtpd.accepted) == 2

    asyncio.run(scenario())
