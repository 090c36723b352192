"""Rules I: what comes from elsewhere."""

import pytest

from chatmaild.dkim.verifier import Result
from chatmaild.filter import rules, verdicts
from chatmaild.filter.content import Content
from chatmaild.filter.mime.author import ip_address
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.verdicts import NOT_ENCRYPTED, Accept, Discard, Refuse, Verdict

from .letters import ALICE, BOB, DOMAIN, EVE, letter, mailbox

REPORT = b"multipart/report; report-type=delivery-status; boundary=x"


def judged(
    header: list[Header] | None = None,
    *,
    sender: str = EVE,
    content: Content = Content.ENCRYPTED,
    recipients: tuple[str, ...] = (ALICE,),
    enforcing: tuple[str, ...] = (ALICE, BOB),
    origin: Result = Result.PASS,
    client: str = "",
    is_report: bool = False,
) -> Verdict:
    """The verdict on a message of Eve."""
    message = rules.Message(
        sender=mailbox(sender) if sender else None,
        recipients=tuple(map(mailbox, recipients)),
        headers=letter(EVE) if header is None else header,
        content=content,
        mail_domain=DOMAIN,
        client=ip_address(client),
        is_report=is_report,
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


@pytest.mark.parametrize(
    ("literal", "client", "passes"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("IPv6:2001:db8::1", "IPv6:2001:db8::1", True),
        ("ipv6:2001:DB8:0::1", "2001:db8::1", True),
        ("IPv6:::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "2001:db8::1", False),
        ("192.0.2.1", "", False),
        ("192.0.2.1", "unknown", False),
        ("192.0.2.01", "192.0.2.1", False),
        ("2001:db8::1", "2001:db8::1", False),  # lacks its tag
        ("IPv6:192.0.2.1", "192.0.2.1", False),
        ("IPv6:fe80::1%eth0", "fe80::1%eth0", False),
        ("x", "192.0.2.1", False),
        ("127.0.0.1", "127.0.0.1", False),  # the gateway of HTTPS
        ("IPv6:::1", "IPv6:::1", False),
        ("IPv6:::ffff:127.0.0.1", "127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN, Content.CLEAR])
def test_domain_literals_are_the_address_of_the_client(
    literal: str, client: str, passes: bool, content: Content
) -> None:
    """There is no DNS name under which a key could be."""
    eve = f"eve@[{literal}]"
    verdict = judged(letter(eve), sender=eve, content=content, client=client, enforcing=())

    assert (Accept() if passes else verdicts.NOT_FROM_ITS_ADDRESS) == verdict


def test_reports_of_domain_literals_prove_their_origin() -> None:
    """Like all that they send."""
    header = letter("mailer-daemon@[192.0.2.1]", content_type=REPORT)
    for client, expected in (
        ("192.0.2.1", Accept(null_sender=True, as_report=True)),
        ("192.0.2.2", verdicts.NOT_FROM_ITS_ADDRESS),
    ):
        assert expected == judged(
            header, sender="", content=Content.CLEAR, is_report=True, client=client
        )


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


@pytest.mark.parametrize("daemon", ["MAILER-DAEMON@peer.example", "postmaster@peer.example", EVE])
def test_reports_pass_in_clear(daemon: str) -> None:
    """Rule I5, whatever their local part; with the body that was made for that."""
    header = letter(daemon, content_type=REPORT)

    assert Accept(null_sender=True, as_report=True) == judged(
        header, sender="", content=Content.CLEAR, is_report=True
    )


def test_a_report_needs_no_exception_where_clear_text_is_welcome() -> None:
    """It arrives whole."""
    assert Accept(null_sender=True) == judged(
        sender="", content=Content.CLEAR, is_report=True, enforcing=()
    )


def test_reports_are_sent_by_nobody() -> None:
    """The null sender is half of what a report is (RFC 3464 section 2)."""
    header = letter("mailer-daemon@peer.example", content_type=REPORT)
    for sender in (EVE, "mailer-daemon@peer.example"):
        assert judged(header, sender=sender, content=Content.CLEAR, is_report=True) == NOT_ENCRYPTED
    assert judged(header, sender="", content=Content.CLEAR, is_report=False) == NOT_ENCRYPTED


def test_reports_must_prove_their_origin() -> None:
    """Else anybody could write clear text to anybody."""
    refusal = judged(sender="", content=Content.CLEAR, is_report=True, origin=Result.NO_SIGNATURE)

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
