"""Rules O: mail of our own users."""

import dataclasses

import pytest

from chatmaild.filter import rules
from chatmaild.filter.content import Content
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.verdicts import NOT_ENCRYPTED, Accept, Discard, Refuse, Verdict

from .support.messages import ALICE, BOB, DOMAIN, EVE, header_from, mailbox

MIXED = b"multipart/mixed; boundary=x"
SETUP = b"Subject: Autocrypt Setup Message"


def verdict_on(
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
        headers=header_from() if header is None else header,
        content=content,
        mail_domain=DOMAIN,
    )
    return rules.outgoing(message, sender_disabled=disabled, failure=lambda: failure)


@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN])
def test_encrypted_mail_and_secure_joins_pass(content: Content) -> None:
    """Rule O6."""
    assert Accept() == verdict_on(content=content)


def test_clear_text_is_refused() -> None:
    """Rule O8; Delta Chat recognizes the text "invalid unencrypted mail"."""
    refusal = verdict_on(content=Content.CLEAR)

    assert refusal == NOT_ENCRYPTED
    assert isinstance(refusal, Refuse)
    assert (refusal.code, refusal.text) == (523, "Encryption Needed: Invalid Unencrypted Mail")


def test_read_receipts_must_be_encrypted_too() -> None:
    """There is no exception for reports from clients."""
    report = header_from(ALICE, b"Auto-Submitted: auto-replied", content_type=b"multipart/report")

    assert verdict_on(report, content=Content.CLEAR) == NOT_ENCRYPTED


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (header_from(EVE), f"Invalid FROM <{EVE}> for <{ALICE}>"),
        (header_from("alice@peer.example"), f"Invalid FROM <alice@peer.example> for <{ALICE}>"),
        (header_from()[1:], "Invalid FROM header: missing"),
        (
            header_from(ALICE, b"From: <mallory@chat.example.org>"),
            "Invalid FROM header: more than one",
        ),
        (header_from("Alice"), "Invalid FROM header: not an address"),
    ],
)
def test_from_must_be_the_sender(header: list[Header], text: str) -> None:
    """Rule O4, checked before all other rules."""
    refusal = verdict_on(header, content=Content.CLEAR, recipients=(), disabled=True)

    assert isinstance(refusal, Refuse)
    assert (500, text) == (refusal.code, refusal.text)


def test_the_author_is_compared_without_case() -> None:
    """Rule O4."""
    assert Accept() == verdict_on(header_from(ALICE.upper()))


@pytest.mark.parametrize("content", [Content.CLEAR, Content.ENCRYPTED])
def test_a_setup_message_to_oneself_passes(content: Content) -> None:
    """Rule O7."""
    header = header_from(ALICE, SETUP, content_type=MIXED)

    assert Accept() == verdict_on(header, content=content, recipients=(ALICE.upper(),))


@pytest.mark.parametrize(
    ("header", "recipients"),
    [
        (header_from(ALICE, SETUP, content_type=MIXED), (BOB,)),
        (header_from(ALICE, SETUP, content_type=MIXED), (ALICE, BOB)),
        (header_from(ALICE, SETUP, content_type=MIXED), ()),
        (header_from(ALICE, SETUP, content_type=b"text/plain"), (ALICE,)),
        (header_from(ALICE, SETUP + b" 2", content_type=MIXED), (ALICE,)),
        (header_from(ALICE, SETUP, SETUP, content_type=MIXED), (ALICE,)),
        (header_from(ALICE, content_type=MIXED), (ALICE,)),
    ],
)
def test_nothing_else_passes_as_a_setup_message(
    header: list[Header], recipients: tuple[str, ...]
) -> None:
    """It needs one recipient, which is the sender, the subject and the media type."""
    assert verdict_on(header, content=Content.CLEAR, recipients=recipients) == NOT_ENCRYPTED


def test_mail_of_disabled_senders_is_discarded() -> None:
    """Rule O9: the reply is 250; clear text is still refused."""
    assert Discard() == verdict_on(disabled=True)
    assert verdict_on(content=Content.CLEAR, disabled=True) == NOT_ENCRYPTED


def test_mail_without_recipients_is_discarded() -> None:
    """Rule O9, if all recipients are disabled."""
    assert Discard() == verdict_on(recipients=())


def test_the_reason_for_the_log_has_no_address() -> None:
    """The reply has addresses, the reason has none."""
    refusal = verdict_on(header_from(EVE))

    assert isinstance(refusal, Refuse)
    assert "@" not in refusal.reason
    assert "reason" in {field.name for field in dataclasses.fields(refusal)}
