"""Messages over HTTPS that Dovecot gets without Postfix' queue."""

import asyncio
import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from chatmaild.transport.envelope import Envelope
from chatmaild.transport.inbound import lmtp_client
from chatmaild.transport.inbound.direct import DELIVERED, MAX_AT_ONCE, MAX_BYTES, Direct
from chatmaild.wire import milter
from chatmaild.wire.smtp.reply import Reply

from .daemons import Judge, Mailbox, direct
from .world import FROM_EVE, TO_BOB, relay

CONTENT = b"From: eve@peer.test\r\nDKIM-Signature: v=1;\r\n b=x\r\n\r\n.dot\r\n"
ENVELOPE = Envelope(sender="eve@peer.test", recipients=("bob@us.test",))


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """A short path: those of unix sockets are limited."""
    with tempfile.TemporaryDirectory(prefix="direct") as path:
        yield pathlib.Path(path)


def delivers(
    directory: pathlib.Path, judge: Judge, mailbox: Mailbox, content: bytes = CONTENT
) -> Reply | None:
    """The answer to one message."""

    async def scenario() -> Reply | None:
        async with direct(directory, judge, mailbox) as way:
            return await way.deliver(ENVELOPE, content)

    return asyncio.run(scenario())


def test_the_filter_judges_and_dovecot_gets_it(directory: pathlib.Path) -> None:
    """The filter sees all of it, as from Postfix; both sessions serve the next message, too."""
    judge, mailbox = Judge(), Mailbox()

    async def scenario() -> None:
        async with direct(directory, judge, mailbox) as way:
            for _ in range(2):
                assert await way.deliver(ENVELOPE, CONTENT) == DELIVERED

    asyncio.run(scenario())
    assert (judge.connections, mailbox.sessions) == (1, 1)
    assert judge.messages[0] == judge.messages[1]
    assert judge.messages[0] == [
        (milter.MACROS, b"M{client_addr}\x00127.0.0.1\0{mail_addr}\0eve@peer.test\0"),
        (milter.MAIL, b"<eve@peer.test>\0"),
        (milter.MACROS, b"R{rcpt_addr}\0bob@us.test\0"),
        (milter.RCPT, b"<bob@us.test>\0"),
        (milter.DATA, b""),
        (milter.HEADER, b"From\0 eve@peer.test\0"),
        (milter.HEADER, b"DKIM-Signature\0 v=1;\n b=x\0"),
        (milter.END_OF_HEADER, b""),
        (milter.BODY, b".dot\r\n"),
    ]
    assert mailbox.delivered[0] == (
        "MAIL FROM:<eve@peer.test>",
        "RCPT TO:<bob@us.test>",
        b"From: eve@peer.test\r\n\r\n.dot\r\n",
    )


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (milter.reply(554, "5.7.1 100% no"), "554 5.7.1 100% no"),
        (milter.reply(451, "4.7.5 later"), "451 4.7.5 later"),
        (milter.DISCARD, "250 2.0.0 Ok"),
    ],
)
def test_what_the_filter_decides_is_the_answer(
    directory: pathlib.Path, answer: bytes, reply: str
) -> None:
    """Dovecot gets nothing."""
    mailbox = Mailbox()

    assert str(delivers(directory, Judge([answer]), mailbox)) == reply
    assert (mailbox.delivered, mailbox.resets) == ([], 1)


@pytest.mark.parametrize(
    "change",
    [
        milter.change_sender(""),
        milter.change_header(b"X", 1, None),
        milter.delete_recipient("bob@us.test"),
        b"".join(milter.replace_body(b"x")),
    ],
)
def test_what_needs_a_change_goes_through_postfix(directory: pathlib.Path, change: bytes) -> None:
    """The filter forgets the message: Postfix will send it, too."""
    judge, mailbox = Judge([change + milter.CONTINUE]), Mailbox()

    assert delivers(directory, judge, mailbox) is None
    assert (mailbox.delivered, judge.aborted) == ([], 1)


@pytest.mark.parametrize(
    "replies",
    [
        {"greeting": b"421 no\r\n"},
        {"greeting": b""},
        {"LHLO": b"500 no\r\n"},
        {"MAIL": b"451 no\r\n"},
        {"RCPT": b"552 5.2.2 full\r\n"},
        {"RCPT": b""},
        {"BDAT": b"552 5.2.2 full\r\n"},
        {"BDAT": b"451 4.2.0 later\r\n"},
        {"BDAT": b""},
        {"BDAT": b"nonsense\r\n"},
    ],
)
def test_without_dovecot_postfix_takes_it(
    directory: pathlib.Path, replies: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It returns mail for a full mailbox to its sender, and repeats the rest."""
    monkeypatch.setattr(lmtp_client, "_COMMAND_S", 0.2)
    monkeypatch.setattr(lmtp_client, "DELIVER_S", 0.2)
    mailbox = Mailbox(replies)

    assert delivers(directory, Judge(), mailbox) is None
    assert mailbox.delivered == []


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\0", milter.packet(b"?"), milter.packet(b"y")])
def test_without_the_filter_postfix_decides(directory: pathlib.Path, answer: bytes) -> None:
    """Nothing is delivered without its decision."""
    mailbox = Mailbox()

    assert delivers(directory, Judge([answer]), mailbox) is None
    assert mailbox.delivered == []


def test_a_message_that_is_not_plain_asks_nobody(directory: pathlib.Path) -> None:
    """Postfix repairs it."""
    judge, mailbox = Judge(), Mailbox()

    assert delivers(directory, judge, mailbox, b"no header") is None
    assert (judge.connections, mailbox.sessions) == (0, 0)


@pytest.mark.parametrize(
    ("sender", "recipients", "size_bytes"),
    [
        ("", ("bob@us.test",), 1),
        ("eve@[192.0.2.1]", ("bob@us.test",), 1),
        ('"e e"@peer.test', ("bob@us.test",), 1),
        ("e..e@peer.test", ("bob@us.test",), 1),
        ("jürgen@peer.test", ("bob@us.test",), 1),
        ("eve@peer.test", ("bob@us.test", "carol@us.test"), 1),
        ("eve@peer.test", ("Bob@us.test",), 1),
        ("eve@peer.test", ("bob+tag@us.test",), 1),
        ("eve@peer.test", ("bob@us.test",), MAX_BYTES + 1),
    ],
)
def test_whatever_is_unusual_goes_through_postfix(
    sender: str, recipients: tuple[str, ...], size_bytes: int
) -> None:
    """Reports and mail of address literals are among it, and what Postfix spells in another way."""
    envelope = Envelope(sender=sender, recipients=recipients)

    assert not Direct("", "").takes(envelope, size_bytes)
    assert Direct("", "").takes(ENVELOPE, MAX_BYTES)


def test_the_queue_takes_a_burst(directory: pathlib.Path) -> None:
    """Further messages go through Postfix while many deliveries run."""
    stalled = Judge([milter.CONTINUE])

    async def scenario() -> None:
        async with direct(directory, stalled, Mailbox({"LHLO": b"250-never ends\r\n"})) as way:
            running = [
                asyncio.create_task(way.deliver(ENVELOPE, CONTENT)) for _ in range(MAX_AT_ONCE)
            ]
            await asyncio.sleep(0)
            assert not way.takes(ENVELOPE, 1)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            assert way.takes(ENVELOPE, 1)

    asyncio.run(scenario())


def test_the_service_takes_this_way_first(directory: pathlib.Path) -> None:
    """Postfix gets what it cannot take; a message that is sent again is not delivered twice."""
    mailbox = Mailbox()

    async def scenario() -> None:
        async with direct(directory, Judge(), mailbox) as way, relay(direct=way) as r:
            for _ in range(2):
                assert await r.posts(FROM_EVE, TO_BOB, content=CONTENT) == (200, str(DELIVERED))
            assert (len(mailbox.delivered), r.smtpd.accepted) == (1, [])
            for fields in ((TO_BOB,), (FROM_EVE, TO_BOB, "X-MAIL-TO: carol@us.test")):
                assert (await r.posts(*fields, content=CONTENT))[1] == "250 2.0.0 Ok"
            assert (await r.posts(FROM_EVE, TO_BOB, content=b"no header"))[1] == "250 2.0.0 Ok"
            mailbox.replies["BDAT"] = b"552 5.2.2 full\r\n"
            content = CONTENT + b"again\r\n"
            assert (await r.posts(FROM_EVE, TO_BOB, content=content))[1] == "250 2.0.0 Ok"
            assert (len(mailbox.delivered), len(r.smtpd.accepted)) == (1, 4)

    asyncio.run(scenario())


def test_a_refusal_of_the_filter_is_final(directory: pathlib.Path) -> None:
    """Postfix would ask the same filter."""

    async def scenario() -> None:
        judge = Judge([milter.reply(554, "5.7.1 no")])
        async with direct(directory, judge, Mailbox()) as way, relay(direct=way) as r:
            status, body = await r.posts(FROM_EVE, TO_BOB, content=CONTENT)
            assert (status, body, r.smtpd.sessions) == (400, "554 5.7.1 no", 0)

    asyncio.run(scenario())
