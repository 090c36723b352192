"""Rules I: what comes from elsewhere."""

import pytest

from chatmaild.dkim.verifier import Result
from chatmaild.filter import rules
from chatmaild.filter.content import Content
from chatmaild.filter.headers import Header
from chatmaild.filter.verdicts import NOT_ENCRYPTED, Accept, Discard, Refuse, Verdict

from .letters import ALICE, BOB, DOMAIN, EVE, letter, mailbox

REPORT = b"multipart/report; report-type=delivery-status; boundary=x"
AUTOMATIC = b"Auto-Submitted: auto-replied"
DAEMON = "MAILER-DAEMON@peer.example"


def judged(
    header: list[Header] | None = None,
    *,
    sender: str = EVE,
    content: Content = Content.ENCRYPTED,
    recipients: tuple[str, ...] = (ALICE,),
    enforcing: tuple[str, ...] = (ALICE, BOB),
    origin: Result = Result.PASS,
) -> Verdict:
    """The verdict on a message of Eve."""
    message = rules.Message(
        sender=mailbox(sender) if sender else None,
        recipients=tuple(map(mailbox, recipients)),
        headers=letter(EVE) if header is None else header,
        content=content,
        mail_domain=DOMAIN,
    )
    return rules.incoming(
        message, enforces_encryption=lambda found: str(found) in enforcing, origin=lambda _: origin
    )


@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN])
def test_encrypted_mail_and_secure_joins_pass(content: Content) -> None:
    """Rule I4."""
    assert Accept() == judged(content=content)


@pytest.mark.parametrize(
    ("origin", "code", "text"),
    [
        (Result.NO_SIGNATURE, 554, "5.7.1 No DKIM signature found"),
        (Result.NO_VALID_SIGNATURE, 554, "5.7.1 No valid DKIM signature found"),
        (Result.KEY_UNAVAILABLE, 451, "4.7.5 DKIM key cannot be looked up now, try again later"),
    ],
)
@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN, Content.CLEAR])
def test_its_origin_must_be_proven(origin: Result, code: int, text: str, content: Content) -> None:
    """Whatever is in it; doubt asks the sender to come back."""
    refusal = judged(content=content, origin=origin, enforcing=())

    assert isinstance(refusal, Refuse)
    assert (code, text) == (refusal.code, refusal.text)


def test_domain_literals_prove_nothing() -> None:
    """There is no DNS name under which a key could be."""
    header = letter("eve@[192.0.2.1]")

    assert Accept() == judged(header, sender="eve@[192.0.2.1]", origin=Result.NO_SIGNATURE)


@pytest.mark.parametrize("sender", ["list-bounces@list.example", "srs0=x@fwd.example", ALICE])
def test_forwarders_lose_their_sender(sender: str) -> None:
    """Rule I2: no bounce may reach somebody who never wrote to us."""
    assert Accept(null_sender=True) == judged(sender=sender)


def test_the_sender_stays_where_it_is_the_author() -> None:
    """Compared without case."""
    assert Accept() == judged(sender=EVE.upper())


@pytest.mark.parametrize(
    ("recipients", "enforcing", "passes"),
    [
        ((ALICE,), (), True),
        ((ALICE,), (ALICE,), False),
        ((ALICE, BOB), (BOB,), False),
        ((BOB, ALICE), (BOB,), False),
        ((ALICE, BOB), (), True),
    ],
)
def test_clear_text_needs_recipients_who_all_take_it(
    recipients: tuple[str, ...], enforcing: tuple[str, ...], passes: bool
) -> None:
    """Rule I6."""
    verdict = judged(content=Content.CLEAR, recipients=recipients, enforcing=enforcing)

    assert (Accept() if passes else NOT_ENCRYPTED) == verdict


@pytest.mark.parametrize("daemon", [DAEMON, "mailer-daemon@peer.example"])
def test_bounces_pass_in_clear(daemon: str) -> None:
    """Rule I5."""
    header = letter(daemon, AUTOMATIC, content_type=REPORT)

    assert Accept(null_sender=True) == judged(header, sender="", content=Content.CLEAR)


@pytest.mark.parametrize(
    "header",
    [
        letter(DAEMON, content_type=REPORT),
        letter(DAEMON, b"Auto-Submitted: ", content_type=REPORT),
        letter(DAEMON, AUTOMATIC, content_type=b"text/plain"),
        letter(EVE, AUTOMATIC, content_type=REPORT),
        letter("not-mailer-daemon@peer.example", AUTOMATIC, content_type=REPORT),
    ],
)
def test_nothing_else_passes_as_a_bounce(header: list[Header]) -> None:
    """All of its three marks are needed."""
    assert judged(header, sender="", content=Content.CLEAR) == NOT_ENCRYPTED


def test_bounces_must_prove_their_origin() -> None:
    """Else anybody could write clear text to anybody."""
    header = letter(DAEMON, AUTOMATIC, content_type=REPORT)
    refusal = judged(header, sender="", content=Content.CLEAR, origin=Result.NO_SIGNATURE)

    assert isinstance(refusal, Refuse)
    assert refusal.code == 554


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (letter(EVE)[1:], "missing"),
        (letter(EVE, b"From: <mallory@peer.example>"), "more than one"),
        (letter("Eve"), "not an address"),
    ],
)
def test_somebody_must_have_written_it(header: list[Header], problem: str) -> None:
    """Rule I1."""
    refusal = judged(header)

    assert isinstance(refusal, Refuse)
    assert (500, f"Invalid FROM header: {problem}") == (refusal.code, refusal.text)


def test_mail_to_disabled_addresses_alone_vanishes() -> None:
    """Rule I3; its origin is checked like that of any other."""
    assert Discard() == judged(recipients=())
    assert isinstance(judged(recipients=(), origin=Result.NO_SIGNATURE), Refuse)
