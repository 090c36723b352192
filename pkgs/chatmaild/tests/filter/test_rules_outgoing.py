"""Rules O: what our own people send."""

import dataclasses

import pytest

from chatmaild.filter import rules
from chatmaild.filter.content import Content
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.verdicts import NOT_ENCRYPTED, Accept, Discard, Refuse, Verdict

from .letters import ALICE, BOB, DOMAIN, EVE, letter, mailbox

MIXED = b"multipart/mixed; boundary=x"
SETUP = b"Subject: Autocrypt Setup Message"


def judged(
    header: list[Header] | None = None,
    *,
    content: Content = Content.ENCRYPTED,
    recipients: tuple[str, ...] = (EVE,),
    disabled: bool = False,
    failure: Refuse | None = None,
) -> Verdict:
    """The verdict on a message of Alice."""
    message = rules.Message(
        sender=mailbox(ALICE),
        recipients=tuple(map(mailbox, recipients)),
        headers=letter() if header is None else header,
        content=content,
        mail_domain=DOMAIN,
    )
    return rules.outgoing(message, sender_disabled=disabled, failure=lambda: failure)


@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN])
def test_encrypted_mail_and_secure_joins_pass(content: Content) -> None:
    """Rule O6."""
    assert Accept() == judged(content=content)


def test_clear_text_is_refused() -> None:
    """Rule O8; Delta Chat looks for the words "invalid unencrypted mail"."""
    refusal = judged(content=Content.CLEAR)

    assert refusal == NOT_ENCRYPTED
    assert isinstance(refusal, Refuse)
    assert (refusal.code, refusal.text) == (523, "Encryption Needed: Invalid Unencrypted Mail")


def test_read_receipts_must_be_encrypted_too() -> None:
    """There is no exception for reports of people's own programs."""
    report = letter(ALICE, b"Auto-Submitted: auto-replied", content_type=b"multipart/report")

    assert judged(report, content=Content.CLEAR) == NOT_ENCRYPTED


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (letter(EVE), f"Invalid FROM <{EVE}> for <{ALICE}>"),
        (letter("alice@peer.example"), f"Invalid FROM <alice@peer.example> for <{ALICE}>"),
        (letter()[1:], "Invalid FROM header: missing"),
        (letter(ALICE, b"From: <mallory@chat.example.org>"), "Invalid FROM header: more than one"),
        (letter("Alice"), "Invalid FROM header: not an address"),
    ],
)
def test_from_must_be_the_sender(header: list[Header], text: str) -> None:
    """Rule O4, before anything else is looked at."""
    refusal = judged(header, content=Content.CLEAR, recipients=(), disabled=True)

    assert isinstance(refusal, Refuse)
    assert (500, text) == (refusal.code, refusal.text)


def test_case_does_not_matter() -> None:
    """Rule O4 compares without it."""
    assert Accept() == judged(letter(ALICE.upper()))


@pytest.mark.parametrize("content", [Content.CLEAR, Content.ENCRYPTED])
def test_a_setup_message_to_oneself_passes(content: Content) -> None:
    """Rule O7."""
    header = letter(ALICE, SETUP, content_type=MIXED)

    assert Accept() == judged(header, content=content, recipients=(ALICE.upper(),))


@pytest.mark.parametrize(
    ("header", "recipients"),
    [
        (letter(ALICE, SETUP, content_type=MIXED), (BOB,)),
        (letter(ALICE, SETUP, content_type=MIXED), (ALICE, BOB)),
        (letter(ALICE, SETUP, content_type=MIXED), ()),
        (letter(ALICE, SETUP, content_type=b"text/plain"), (ALICE,)),
        (letter(ALICE, SETUP + b" 2", content_type=MIXED), (ALICE,)),
        (letter(ALICE, SETUP, SETUP, content_type=MIXED), (ALICE,)),
        (letter(ALICE, content_type=MIXED), (ALICE,)),
    ],
)
def test_nothing_else_passes_as_a_setup_message(
    header: list[Header], recipients: tuple[str, ...]
) -> None:
    """One recipient, the sender himself; the subject; the type."""
    assert judged(header, content=Content.CLEAR, recipients=recipients) == NOT_ENCRYPTED


def test_mail_of_disabled_senders_vanishes() -> None:
    """Rule O9: answered with 250, delivered to nobody; clear text is still refused."""
    assert Discard() == judged(disabled=True)
    assert judged(content=Content.CLEAR, disabled=True) == NOT_ENCRYPTED


def test_mail_without_recipients_left_vanishes() -> None:
    """Rule O9, when all of them are disabled."""
    assert Discard() == judged(recipients=())


def test_verdicts_say_nothing_private_to_the_log() -> None:
    """The reply names addresses, the reason for the log does not."""
    refusal = judged(letter(EVE))

    assert isinstance(refusal, Refuse)
    assert "@" not in refusal.reason
    assert "reason" in {field.name for field in dataclasses.fields(refusal)}
