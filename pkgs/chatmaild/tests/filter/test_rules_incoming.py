"""Rules I: mail from other servers."""

from functools import partial

import pytest

from chatmaild.dkim.verifier import Result
from chatmaild.filter import rules, verdicts
from chatmaild.filter.content import Content
from chatmaild.filter.mime.author import ip_address
from chatmaild.filter.mime.headers import Header
from chatmaild.filter.verdicts import NOT_ENCRYPTED, Accept, Discard, Refuse, Verdict

from .support.messages import ALICE, BOB, DOMAIN, EVE, header_from, mailbox

REPORT = b"multipart/report; report-type=delivery-status; boundary=x"


def verdict_on(
    header: list[Header] | None = None,
    *,
    sender: str = EVE,
    content: Content = Content.ENCRYPTED,
    recipients: tuple[str, ...] = (ALICE,),
    enforcing: tuple[str, ...] = (ALICE, BOB),
    in_doubt: tuple[str, ...] = (),
    origin: Result = Result.PASS,
    client: str = "",
    is_report: bool = False,
    blocked: str = "",
) -> Verdict:
    """The verdict on a message of Eve."""
    message = rules.Message(
        sender=mailbox(sender) if sender else None,
        recipients=tuple(map(mailbox, recipients)),
        headers=header_from(EVE) if header is None else header,
        content=content,
        mail_domain=DOMAIN,
        client=ip_address(client),
        is_report=is_report,
    )
    return rules.incoming(
        message,
        domain_refusal=lambda domain: verdicts.DOMAIN_BLOCKED if domain == blocked else None,
        enforces_encryption=lambda found: str(found) in enforcing,
        is_in_doubt=lambda found: str(found) in in_doubt,
        origin=lambda _: origin,
    )


@pytest.mark.parametrize("sender", [EVE, "", "list@lists.example"])
@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.CLEAR])
def test_authors_at_blocked_domains_are_refused(sender: str, content: Content) -> None:
    """Rule I10, also for reports and forwarded mail, before the key is looked up in DNS."""
    refused = verdict_on(
        sender=sender,
        content=content,
        origin=Result.KEY_UNAVAILABLE,
        is_report=not sender,
        blocked="peer.example",
    )

    assert refused == verdicts.DOMAIN_BLOCKED


@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN])
def test_encrypted_mail_and_secure_joins_pass(content: Content) -> None:
    """Rule I4."""
    assert Accept() == verdict_on(content=content)


@pytest.mark.parametrize(
    ("origin", "code", "text"),
    [
        (Result.NO_SIGNATURE, 554, "5.7.1 No DKIM signature found"),
        (Result.NO_VALID_SIGNATURE, 554, "5.7.1 No valid DKIM signature found"),
        (Result.KEY_UNAVAILABLE, 451, "4.7.5 DKIM key cannot be looked up now, try again later"),
    ],
)
@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN, Content.CLEAR])
def test_mail_needs_a_valid_signature(
    origin: Result, code: int, text: str, content: Content
) -> None:
    """For every content class; a DNS failure is a 4xx."""
    refusal = verdict_on(content=content, origin=origin, enforcing=())

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
        ("2001:db8::1", "2001:db8::1", False),  # without the tag
        ("IPv6:192.0.2.1", "192.0.2.1", False),
        ("IPv6:fe80::1%eth0", "fe80::1%eth0", False),
        ("x", "192.0.2.1", False),
        ("127.0.0.1", "127.0.0.1", False),  # the HTTPS ingress
        ("IPv6:::1", "IPv6:::1", False),
        ("IPv6:::ffff:127.0.0.1", "127.0.0.1", False),
    ],
)
@pytest.mark.parametrize("content", [Content.ENCRYPTED, Content.SECURE_JOIN, Content.CLEAR])
def test_a_domain_literal_must_be_the_ip_address_of_the_client(
    literal: str, client: str, passes: bool, content: Content
) -> None:
    """Rule I8: a literal has no DNS name for a key."""
    eve = f"eve@[{literal}]"
    verdict = verdict_on(header_from(eve), sender=eve, content=content, client=client, enforcing=())

    assert (Accept() if passes else verdicts.NOT_FROM_ITS_ADDRESS) == verdict


@pytest.mark.parametrize(
    ("enforcing", "in_doubt", "expected"),
    [
        ((ALICE,), (ALICE,), verdicts.STORE_UNAVAILABLE),
        ((ALICE, BOB), (ALICE, BOB), verdicts.STORE_UNAVAILABLE),
        ((ALICE, BOB), (ALICE,), NOT_ENCRYPTED),
        ((ALICE, BOB), (BOB,), NOT_ENCRYPTED),
    ],
)
def test_clear_text_waits_for_recipients_in_doubt(
    enforcing: tuple[str, ...], in_doubt: tuple[str, ...], expected: Verdict
) -> None:
    """Rule I6: these may accept it; a known recipient that enforces encryption does not."""
    on = partial(verdict_on, recipients=(ALICE, BOB), enforcing=enforcing, in_doubt=in_doubt)

    assert on(content=Content.CLEAR) == expected
    assert on(content=Content.ENCRYPTED) == Accept()
    report = on(sender="", content=Content.CLEAR, is_report=True)
    assert report == Accept(null_sender=True, as_report=True)


def test_reports_of_domain_literals_must_come_from_their_ip_address() -> None:
    """Rule I8 holds for reports, too."""
    header = header_from("mailer-daemon@[192.0.2.1]", content_type=REPORT)
    for client, expected in (
        ("192.0.2.1", Accept(null_sender=True, as_report=True)),
        ("192.0.2.2", verdicts.NOT_FROM_ITS_ADDRESS),
    ):
        assert expected == verdict_on(
            header, sender="", content=Content.CLEAR, is_report=True, client=client
        )


@pytest.mark.parametrize("sender", ["list-bounces@list.example", "srs0=x@fwd.example", ALICE])
def test_forwarded_mail_gets_the_null_sender(sender: str) -> None:
    """Rule I2: no bounce may reach a stranger."""
    assert Accept(null_sender=True) == verdict_on(sender=sender)


def test_the_sender_stays_if_it_is_the_author() -> None:
    """The comparison ignores case."""
    assert Accept() == verdict_on(sender=EVE.upper())


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
def test_clear_text_passes_only_if_all_recipients_accept_it(
    recipients: tuple[str, ...], enforcing: tuple[str, ...], passes: bool
) -> None:
    """Rule I6."""
    verdict = verdict_on(content=Content.CLEAR, recipients=recipients, enforcing=enforcing)

    assert (Accept() if passes else NOT_ENCRYPTED) == verdict


@pytest.mark.parametrize("daemon", ["MAILER-DAEMON@peer.example", "postmaster@peer.example", EVE])
def test_reports_pass_in_clear(daemon: str) -> None:
    """Rule I5, with any local part; the body is replaced."""
    header = header_from(daemon, content_type=REPORT)

    assert Accept(null_sender=True, as_report=True) == verdict_on(
        header, sender="", content=Content.CLEAR, is_report=True
    )


def test_a_report_to_recipients_that_accept_clear_text_is_unchanged() -> None:
    """Its body is not replaced."""
    assert Accept(null_sender=True) == verdict_on(
        sender="", content=Content.CLEAR, is_report=True, enforcing=()
    )


def test_reports_need_the_null_sender() -> None:
    """RFC 3464 section 2."""
    header = header_from("mailer-daemon@peer.example", content_type=REPORT)
    for sender in (EVE, "mailer-daemon@peer.example"):
        assert (
            verdict_on(header, sender=sender, content=Content.CLEAR, is_report=True)
            == NOT_ENCRYPTED
        )
    assert verdict_on(header, sender="", content=Content.CLEAR, is_report=False) == NOT_ENCRYPTED


def test_reports_need_a_valid_signature() -> None:
    """Otherwise anyone could send clear text."""
    refusal = verdict_on(
        sender="", content=Content.CLEAR, is_report=True, origin=Result.NO_SIGNATURE
    )

    assert isinstance(refusal, Refuse)
    assert refusal.code == 554


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (header_from(EVE)[1:], "missing"),
        (header_from(EVE, b"From: <mallory@peer.example>"), "more than one"),
        (header_from("Eve"), "not an address"),
    ],
)
def test_mail_needs_one_author(header: list[Header], problem: str) -> None:
    """Rule I1."""
    refusal = verdict_on(header)

    assert isinstance(refusal, Refuse)
    assert (500, f"Invalid FROM header: {problem}") == (refusal.code, refusal.text)


def test_mail_to_disabled_addresses_only_is_discarded() -> None:
    """Rule I3; the signature is checked first."""
    assert Discard() == verdict_on(recipients=())
    assert isinstance(verdict_on(recipients=(), origin=Result.NO_SIGNATURE), Refuse)
