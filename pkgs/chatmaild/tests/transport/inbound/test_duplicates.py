"""A peer that lost our answer sends the message again; it is delivered once."""

import asyncio

from chatmaild.transport.envelope import Envelope
from chatmaild.transport.inbound.duplicates import REMEMBER_S, Duplicates, Fingerprint
from chatmaild.wire.smtp.reply import LOCAL_ERROR, Reply

from .world import FROM_EVE, TO_BOB, relay

OK = Reply(code=250, text="2.0.0 Ok")


def test_the_same_message_again() -> None:
    """It gets the first answer again."""

    async def scenario() -> None:
        async with relay() as r:
            answers = [await r.posts(FROM_EVE, TO_BOB) for _ in range(3)]

            assert answers == [(200, "250 2.0.0 Ok")] * 3
            assert len(r.smtpd.accepted) == 1

    asyncio.run(scenario())


def test_during_the_first_delivery() -> None:
    """The second request waits for the reply to the first."""

    async def scenario() -> None:
        async with relay() as r:
            r.smtpd.stall = asyncio.Event()
            tasks = [asyncio.create_task(r.posts(FROM_EVE, TO_BOB)) for _ in range(2)]
            while r.smtpd.sessions < 2:
                await asyncio.sleep(0)
            r.smtpd.stall.set()

            assert [status for status, _ in await asyncio.gather(*tasks)] == [200, 200]
            assert len(r.smtpd.accepted) == 1

    asyncio.run(scenario())


def test_a_refused_message_is_new() -> None:
    """Only Postfix' 250 counts."""

    async def scenario() -> None:
        async with relay() as r:
            r.smtpd.replies["."] = b"451 4.3.0 later\r\n"
            assert (await r.posts(FROM_EVE, TO_BOB))[0] == 503
            del r.smtpd.replies["."]

            assert (await r.posts(FROM_EVE, TO_BOB))[0] == 200
            assert len(r.smtpd.accepted) == 1

    asyncio.run(scenario())


def test_another_message_is_another_message() -> None:
    """By a recipient, the sender, or one byte."""

    async def scenario() -> None:
        async with relay() as r:
            await r.posts(FROM_EVE, TO_BOB)
            await r.posts(FROM_EVE, "X-MAIL-TO: carol@us.test")
            await r.posts(TO_BOB)
            await r.posts(FROM_EVE, TO_BOB, content=b"y\r\n")

            assert len(r.smtpd.accepted) == 4

    asyncio.run(scenario())


def test_the_memory_ends() -> None:
    """After an hour the same bytes are a new message."""
    now_s = 0.0
    taken: list[float] = []

    async def take() -> Reply:
        taken.append(now_s)
        return OK

    async def scenario() -> None:
        nonlocal now_s
        duplicates = Duplicates(clock_s=lambda: now_s)
        digest = Fingerprint(Envelope(sender="", recipients=("b@us.test",))).digest()
        for now_s in (0.0, REMEMBER_S - 1, REMEMBER_S + 1):  # noqa: B007 - what the clock says
            assert await duplicates.once(digest, take) == OK

    asyncio.run(scenario())
    assert taken == [0.0, REMEMBER_S + 1]
    assert not LOCAL_ERROR.accepted
