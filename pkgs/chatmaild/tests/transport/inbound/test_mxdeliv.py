"""POST /mxdeliv as nginx forwards it, handed to Postfix over SMTP."""

import asyncio
import pathlib

import pytest

from chatmaild.flow.last_seen import LastSeen
from chatmaild.transport.inbound.mxdeliv import Mxdeliv
from chatmaild.transport.inbound.smtp_client import SmtpSessions

from ..conftest import listening
from .world import CONTENT, FROM_EVE, MAX_BYTES, TO_BOB, relay


def _answer(*fields: str, content: bytes = CONTENT, **replies: bytes) -> tuple[int, str]:
    """Return the answer to one POST, with these replies of Postfix."""

    async def scenario() -> tuple[int, str]:
        async with relay() as r:
            r.smtpd.replies |= {("." if verb == "end" else verb): replies[verb] for verb in replies}
            return await r.posts(*fields, content=content)

    return asyncio.run(scenario())


def test_postfix_gets_it() -> None:
    """Envelope from the header, body with dots doubled, one connection."""

    async def scenario() -> None:
        async with relay() as r:
            assert await r.posts(FROM_EVE, TO_BOB, "x-mail-to: a@us.test") == (200, "250 2.0.0 Ok")
            assert r.smtpd.accepted == [
                (
                    "MAIL FROM:<eve@peer.test> BODY=8BITMIME SIZE=20",
                    ["RCPT TO:<bob@us.test>", "RCPT TO:<a@us.test>"],
                    b"Subject: x\r\n\r\n..dot\r\n",
                )
            ]
            assert r.counters.value("https_in", code="250") == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(("client", "seen"), [("203.0.113.5", True), ("127.0.0.1", False)])
def test_another_relay_is_seen(tmp_path: pathlib.Path, client: str, seen: bool) -> None:
    """The selftest, on this machine, is none; a refusal counts, too."""
    last = LastSeen(tmp_path / "seen")

    async def scenario() -> None:
        async with relay(last) as r:
            assert (await r.posts(FROM_EVE, f"X-Real-IP: {client}"))[0] == 400

    asyncio.run(scenario())
    assert (last.time_s() is not None) == seen


@pytest.mark.parametrize("field", ["X-Other: x", "X-MAIL-FROM:", "X-MAIL-FROM: <>"])
def test_the_null_sender(field: str) -> None:
    """An absent or empty X-MAIL-FROM."""

    async def scenario() -> None:
        async with relay() as r:
            await r.posts(field, TO_BOB)

            assert r.smtpd.accepted[0][0].startswith("MAIL FROM:<> ")

    asyncio.run(scenario())


def test_utf8_addresses() -> None:
    """SMTPUTF8 is asked for where it is needed (RFC 6531)."""

    async def scenario() -> None:
        async with relay() as r:
            await r.posts(FROM_EVE, "X-MAIL-TO: jürgen@us.test")

            assert r.smtpd.accepted[0][0].endswith(" SMTPUTF8")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ((FROM_EVE,), 400, "554"),
        ((FROM_EVE, "X-MAIL-TO: "), 400, "501"),
        ((FROM_EVE, "X-MAIL-TO: nobody"), 400, "501"),
        ((FROM_EVE, "X-MAIL-TO: a\tb@us.test"), 400, "501"),
        ((FROM_EVE, "X-MAIL-TO: bob@us.test> NOTIFY=NEVER <x@us.test"), 400, "501"),
        ((FROM_EVE, FROM_EVE, TO_BOB), 400, "501"),
        (("X-MAIL-FROM: eve", TO_BOB), 400, "501"),
        ((FROM_EVE, "X-MAIL-TO: who@us.test"), 400, "550"),
        ((FROM_EVE, *4 * (TO_BOB,)), 400, "552"),
    ],
)
def test_envelopes_that_are_refused(fields: tuple[str, ...], status: int, code: str) -> None:
    """Without a connection to Postfix."""
    answered, body = _answer(*fields)

    assert (status, code) == (answered, body[:3])


@pytest.mark.parametrize(
    ("verb", "reply", "status"),
    [
        ("MAIL", b"550 5.7.1 no\r\n", 400),
        ("RCPT", b"554 5.7.1 Relay access denied\r\n", 400),
        ("RCPT", b"451 4.3.0 later\r\n", 503),
        ("DATA", b"450 4.7.1 later\r\n", 503),
        ("end", b"554 5.7.1 No DKIM signature found\r\n", 400),
        ("end", b"523 Encryption Needed: Invalid Unencrypted Mail\r\n", 400),
        ("end", b"552 5.3.4 Message size exceeds fixed limit\r\n", 413),
        ("end", b"451 4.7.1 Service unavailable\r\n", 503),
        ("end", b"421 4.4.2 bye\r\n", 503),
    ],
)
def test_what_postfix_says_counts(verb: str, reply: bytes, status: int) -> None:
    """Its reply is the body; 5yz is 400, 4yz is a 5xx: some peers take every 4xx for final."""
    assert (status, reply.decode().strip()) == _answer(FROM_EVE, TO_BOB, **{verb: reply})


def test_a_postfix_that_is_down_is_a_passing_problem() -> None:
    """Nothing listens on its port."""

    async def scenario() -> None:
        async with relay() as r, listening(r.smtpd.serve) as port:
            pass
        service = Mxdeliv(
            smtp_sessions=SmtpSessions(port, "us.test"),
            max_message_bytes=MAX_BYTES,
            max_recipients=3,
            any_exists=r.addresses.any_exists,
            counters=r.counters,
        )
        async with listening(service.connection) as r.port:
            status, body = await r.posts(FROM_EVE, TO_BOB)

            assert (status, body[:9]) == (503, "451 4.3.0")

    asyncio.run(scenario())


def test_an_unknown_directory_is_a_passing_problem(caplog: pytest.LogCaptureFixture) -> None:
    """The recipients cannot be looked up now."""

    async def scenario() -> None:
        async with relay() as r:
            r.addresses.fault = ConnectionRefusedError("bob@us.test")

            assert (await r.posts(FROM_EVE, TO_BOB))[0] == 503

    asyncio.run(scenario())
    assert "bob" not in caplog.text


def test_one_known_recipient_is_enough() -> None:
    """Postfix returns the copies of the others, which an HTTP answer cannot refuse one by one."""

    async def scenario() -> None:
        async with relay() as r:
            status, _ = await r.posts(FROM_EVE, "X-MAIL-TO: who@us.test", TO_BOB)

            assert status == 200
            assert len(r.smtpd.accepted[0][1]) == 2

    asyncio.run(scenario())


def test_too_large() -> None:
    """Refused with 413 and the SMTP reply."""
    status, body = _answer(FROM_EVE, TO_BOB, content=b"x" * (MAX_BYTES + 1))

    assert (status, body) == (413, "552 5.3.4 Message exceeds maximum size")


def test_as_large_as_allowed() -> None:
    """It is accepted."""
    assert _answer(FROM_EVE, TO_BOB, content=MAX_BYTES // 1000 * (b"x" * 998 + b"\r\n"))[0] == 200


def test_sessions_with_postfix_are_kept() -> None:
    """The next message goes through the same one."""

    async def scenario() -> None:
        async with relay() as r:
            for number in range(3):
                assert (await r.posts(FROM_EVE, TO_BOB, content=b"%d\r\n" % number))[0] == 200

            assert (r.smtpd.sessions, len(r.smtpd.accepted)) == (1, 3)

    asyncio.run(scenario())


def test_a_kept_session_that_postfix_ended() -> None:
    """A new session is opened, because the message had not been sent yet."""

    async def scenario() -> None:
        async with relay() as r:
            await r.posts(FROM_EVE, TO_BOB)
            r.smtpd.ends = True

            assert (await r.posts(FROM_EVE, TO_BOB, content=b"two\r\n"))[0] == 200
            assert (r.smtpd.sessions, len(r.smtpd.accepted)) == (2, 2)

    asyncio.run(scenario())
