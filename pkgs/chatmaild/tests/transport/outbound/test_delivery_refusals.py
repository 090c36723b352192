"""A refusal over HTTPS is final only when SMTP had its chance and the host says so again."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from chatmaild.transport.outbound.delivery import SMTP_HAD_ITS_CHANCE_S

from ..conftest import World, http

Worlds = Callable[[], AbstractAsyncContextManager[World]]

REFUSED = http(400, "554 5.7.1 No DKIM signature found")
TEMPORARY = "451 4.7.0 Not taken over HTTPS: 554 5.7.1 No DKIM signature found"


def test_first_smtp_then_final(world: Worlds) -> None:
    """Postfix comes back when SMTP did not settle it."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [REFUSED]
            first = await w.delivers()
            again_at_once = await w.delivers()
            w.now_s += SMTP_HAD_ITS_CHANCE_S
            later = await w.delivers()

            assert first == f"{TEMPORARY} (forwarded from mx.peer.test)"
            assert first == again_at_once
            assert later == "554 5.7.1 No DKIM signature found (forwarded from mx.peer.test)"

    asyncio.run(scenario())


def test_the_host_stays_first(world: Worlds) -> None:
    """It does offer the service."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [REFUSED]
            await w.delivers()

            assert w.destinations.route("peer.test", w.now_s) == (
                "smtp-https:[127.0.0.1]:10083, peer.test"
            )

    asyncio.run(scenario())


def test_another_message_starts_anew(world: Worlds) -> None:
    """And so does the same one to another domain or from somebody else."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [REFUSED]
            await w.delivers(b"one\r\n")
            w.now_s += SMTP_HAD_ITS_CHANCE_S

            assert (await w.delivers(b"two\r\n")).startswith("451 ")
            assert (await w.delivers(b"one\r\n", sender="c@us.test")).startswith("451 ")

    asyncio.run(scenario())


def test_one_of_several_recipients(world: Worlds) -> None:
    """The refusal of one address never returns the message of the others."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(400, "550 5.1.1 unknown")]
            for _ in range(3):
                said = await w.delivers(b"x\r\n", "bob@peer.test", "eve@peer.test")
                w.now_s += SMTP_HAD_ITS_CHANCE_S

                assert said.startswith("451 ")

    asyncio.run(scenario())


def test_a_passing_problem_is_never_final(world: Worlds) -> None:
    """4yz stays 4yz."""

    async def scenario() -> None:
        async with world() as w:
            w.host.answers = [http(400, "451 4.7.1 later")]
            for _ in range(3):
                assert (await w.delivers()).startswith("451 ")
                w.now_s += SMTP_HAD_ITS_CHANCE_S

    asyncio.run(scenario())
