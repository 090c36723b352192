"""The IP address of a client reaches Postfix where the origin of a message may hang on it."""

import asyncio

import pytest

from .world import FROM_EVE, TO_BOB, Relay, relay

FROM_NOBODY = "X-MAIL-FROM: <>"
FROM_LITERAL = "X-MAIL-FROM: eve@[192.0.2.1]"
SEEN = "X-Real-IP: 192.0.2.1"


async def posted(r: Relay, *fields: str, number: int = 0) -> tuple[int, str]:
    """The answer to a message that differs from the others."""
    return await r.posts(*fields, TO_BOB, content=b"%d\r\n" % number)


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ((FROM_LITERAL, SEEN), "ADDR=192.0.2.1"),
        ((FROM_NOBODY, SEEN), "ADDR=192.0.2.1"),
        ((SEEN,), "ADDR=192.0.2.1"),
        ((FROM_LITERAL, "X-Real-IP: 2001:db8::1"), "ADDR=IPV6:2001:db8::1"),
        ((FROM_LITERAL, SEEN, SEEN), "ADDR=192.0.2.1"),
        ((FROM_EVE, SEEN), ""),
        ((FROM_LITERAL,), ""),
        ((FROM_LITERAL, SEEN, "X-Real-IP: 192.0.2.2"), ""),
        ((FROM_LITERAL, "X-Real-IP: unix:"), ""),
        ((FROM_LITERAL, "X-Real-IP: 192.0.2.1 LOGIN=eve"), ""),
        ((FROM_LITERAL, "X-Forwarded-For: 192.0.2.1"), ""),
    ],
)
def test_what_is_told(fields: tuple[str, ...], client: str) -> None:
    """What nginx saw, for null senders and those at domain literals."""

    async def scenario() -> None:
        async with relay() as r:
            assert (await posted(r, *fields))[0] == 200
            assert [client] == r.smtpd.clients

    asyncio.run(scenario())


def test_a_session_in_the_name_of_a_client_is_for_one_message() -> None:
    """Before and behind it others go their usual way, in a session that is kept."""

    async def scenario() -> None:
        async with relay() as r:
            fields = [
                (FROM_EVE,),
                (FROM_LITERAL, SEEN),
                (FROM_EVE,),
                (FROM_NOBODY, SEEN),
                (FROM_EVE,),
            ]
            for number, some in enumerate(fields):
                assert (await posted(r, *some, number=number))[0] == 200

            told = "ADDR=192.0.2.1"
            assert ["", told, "", told, ""] == r.smtpd.clients
            assert r.smtpd.sessions == 3

    asyncio.run(scenario())


def test_the_same_message_of_another_client_is_another_one() -> None:
    """Nobody gets the answer that was for somebody else."""

    async def scenario() -> None:
        async with relay() as r:
            for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
                assert (await posted(r, FROM_LITERAL, f"X-Real-IP: {client}"))[0] == 200

            # the third is the first again
            assert r.smtpd.clients == ["ADDR=192.0.2.1", "ADDR=192.0.2.2"]

    asyncio.run(scenario())


def test_a_postfix_that_does_not_know_xclient_is_a_passing_problem() -> None:
    """The message is right, our configuration is not."""

    async def scenario() -> None:
        async with relay() as r:
            r.smtpd.replies["XCLIENT"] = b"550 5.7.0 Error: insufficient authorization\r\n"

            assert (await posted(r, FROM_LITERAL, SEEN))[0] == 503
            assert (await posted(r, FROM_EVE, SEEN))[0] == 200

    asyncio.run(scenario())
