"""One POST for each message, to the hosts of the domain, over verified TLS."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from chatmaild.transport.message import MEMORY_BYTES
from chatmaild.transport.outbound.destinations import PAUSE_S, REMEMBER_S
from chatmaild.transport.outbound.exchangers import Exchanger

from ..conftest import World, http

Worlds = Callable[[], AbstractAsyncContextManager[World]]

NOT_TAKEN = "451 4.4.1 No host took the message over HTTPS"
SMTP_FIRST = "smtp-new:peer.test, [127.0.0.1]:10083"
HTTPS_FIRST_UNKNOWN = "smtp-new:[127.0.0.1]:10083, peer.test"
HTTPS_FIRST = "smtp-https:[127.0.0.1]:10083, peer.test"  # it answered


def test_the_request_is_what_peers_expect(world: Worlds) -> None:
    """Envelope in the header, once and repeated, the message as it is in the body."""

    async def scenario() -> None:
        async with world() as w:
            content = b"Subject: x\r\n\r\n.dot\r\n"
            said = await w.delivers(content, "bob@peer.test", "eve@peer.test")

            assert said == "250 OK (HTTPS)"
            (request,) = w.host.received
            assert request.head.startswith("POST /mxdeliv HTTP/1.1\r\n")
            assert content == request.body
            assert request.values("X-MAIL-FROM") == ["a@us.test"]
            assert request.values("X-MAIL-TO") == ["bob@peer.test", "eve@peer.test"]
            assert w.counters.value("https_out", outcome="delivered") == 1

    asyncio.run(scenario())


def test_the_null_sender_has_no_field(world: Worlds) -> None:
    """X-MAIL-FROM is absent."""

    async def scenario() -> None:
        async with world() as w:
            await w.delivers(b"x\r\n", sender="")

            assert w.host.received[0].values("X-MAIL-FROM") == []

    asyncio.run(scenario())


def test_connections_are_kept(world: Worlds) -> None:
    """The second message needs no handshake."""

    async def scenario() -> None:
        async with world() as w:
            for _ in range(3):
                await w.delivers()

            assert (w.host.connections, len(w.host.received)) == (1, 3)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [MEMORY_BYTES, MEMORY_BYTES + 1, 3_000_000])
def test_any_size(world: Worlds, size: int) -> None:
    """In memory or in a file, the host gets every octet."""
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def scenario() -> None:
        async with world() as w:
            assert await w.delivers(content) == "250 OK (HTTPS)"
            assert content == w.host.received[0].body

    asyncio.run(scenario())


def test_a_wrong_certificate_is_not_accepted(world: Worlds) -> None:
    """Its name is that of the mail exchanger, not of the domain."""

    async def scenario() -> None:
        async with world() as w:
            w.names.hosts["peer.test"] = [Exchanger(name="other.peer.test", verify=True)]

            assert await w.delivers() == NOT_TAKEN
            assert w.host.received == []
            assert w.destinations.route("peer.test", w.now_s) == SMTP_FIRST

    asyncio.run(scenario())


def test_some_certificates_are_not_checked(world: Worlds) -> None:
    """Those of domains that begin with `_`, and of address literals."""

    async def scenario() -> None:
        async with world() as w:
            w.names.hosts["_x.test"] = [Exchanger(name="_x.test", verify=False)]
            w.names.hosts["[192.0.2.7]"] = [Exchanger(name="192.0.2.7", verify=False)]

            assert await w.delivers(b"x\r\n", "b@_x.test") == "250 OK (HTTPS)"
            assert await w.delivers(b"x\r\n", "b@[192.0.2.7]") == "250 OK (HTTPS)"

    asyncio.run(scenario())


def test_the_next_host_is_tried(world: Worlds) -> None:
    """In the order of preference, as long as nobody has the message."""

    async def scenario() -> None:
        async with world() as w:
            w.names.hosts["peer.test"].insert(0, Exchanger(name="first.test", verify=True))
            # port closed at this address
            w.names.address["first.test"] = ["127.0.0.2"]

            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.destinations.route("peer.test", w.now_s) == HTTPS_FIRST
            # the first one is not tried again for a while
            assert not w.destinations.worth_trying("first.test", "peer.test", 1, w.now_s)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer", [http(404, "<html>"), http(200, "<html>"), http(502, ""), b"220 smtp here\r\n\r\n"]
)
def test_a_host_without_the_service_is_left_to_smtp(world: Worlds, answer: bytes) -> None:
    """And not asked again at once."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [answer]

            assert await w.delivers() == NOT_TAKEN
            assert await w.delivers() == NOT_TAKEN
            assert len(w.host.received) == 1
            assert w.destinations.route("peer.test", w.now_s) == SMTP_FIRST

    asyncio.run(scenario())


def test_a_host_that_is_back_is_found_again(world: Worlds) -> None:
    """When SMTP comes first and fails, so that Postfix asks us after all."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(502, ""), http(200, "250 OK")]
            assert await w.delivers() == NOT_TAKEN
            w.now_s += PAUSE_S + 1

            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.destinations.route("peer.test", w.now_s) == HTTPS_FIRST

    asyncio.run(scenario())


def test_half_an_hour_later_a_host_gets_its_chance(world: Worlds) -> None:
    """Although SMTP has worked all the time, so that Postfix never came here."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(404, "<html>"), http(200, "250 OK")]
            assert await w.delivers() == NOT_TAKEN
            w.now_s += REMEMBER_S
            assert w.destinations.route("peer.test", w.now_s) == SMTP_FIRST
            w.now_s += 1
            assert w.destinations.route("peer.test", w.now_s) == HTTPS_FIRST_UNKNOWN

            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.destinations.route("peer.test", w.now_s) == HTTPS_FIRST

    asyncio.run(scenario())


def test_a_domain_without_hosts_is_left_to_postfix(world: Worlds) -> None:
    """It knows what is final about DNS."""

    async def scenario() -> None:
        async with world() as w:
            assert (await w.delivers(b"x\r\n", "b@nowhere.test")).startswith("451 4.4.3 ")

    asyncio.run(scenario())


def test_too_large_for_a_web_server(world: Worlds) -> None:
    """Larger ones skip HTTPS then; smaller ones, and the order, are not affected."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(413, "<html>"), http(200, "250 OK")]
            w.host.reads_body = False

            assert await w.delivers(b"x" * 200_000) == NOT_TAKEN
            assert await w.delivers(b"x" * 300_000) == NOT_TAKEN
            w.host.reads_body = True
            assert await w.delivers(b"x" * 1000) == "250 OK (HTTPS)"
            assert len(w.host.received) == 2
            assert w.destinations.route("peer.test", w.now_s) == HTTPS_FIRST

    asyncio.run(scenario())


def test_chunked_and_closing_answers_are_understood(world: Worlds) -> None:
    """Whatever stands in front of the host."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n250 OK\r\n0\r\n\r\n"

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [chunked, http(200, "250 OK", "Connection: close")]

            assert await w.delivers() == "250 OK (HTTPS)"
            assert await w.delivers() == "250 OK (HTTPS)"
            assert await w.delivers() == "250 OK (HTTPS)"
            assert w.host.connections == 3

    asyncio.run(scenario())
