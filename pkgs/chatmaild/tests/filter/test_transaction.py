"""Transactions from envelope to decision, with accounts on disk; their limits."""

import dataclasses
import pathlib
import tracemalloc
from collections.abc import Callable

import dkim
import pytest

from chatmaild.address import parse_address
from chatmaild.dkim.keys import public_record
from chatmaild.filter.limits.memory import ByteBudget
from chatmaild.filter.policy import Ingress, Policy
from chatmaild.filter.transaction import Decision, Transaction
from chatmaild.filter.verdicts import (
    NOT_ENCRYPTED,
    OVERLOADED,
    Accept,
    Discard,
    Refuse,
)
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .mime import reports
from .support.messages import ALICE, BOB, ENCRYPTED_TYPE, EVE, encrypted, envelope, header_from

REMOTE = [Ingress.SMTP, Ingress.HTTPS]
CLIENT = "192.0.2.1"


def decide(
    policy: Policy,
    ingress: Ingress = Ingress.SUBMISSION,
    sender: str = ALICE,
    *recipients: str,
    author: str | None = None,
    fields: tuple[bytes, ...] = (),
    body: bytes | None = None,
    content_type: bytes = ENCRYPTED_TYPE,
) -> Decision:
    """The decision on a message; encrypted unless a body is given."""
    letter_from = envelope(ingress, sender, *(recipients or (BOB,)), domain=policy.mail_domain)
    letter_from.client = CLIENT
    transaction = Transaction(policy, letter_from)
    for header in header_from(author or sender, *fields, content_type=content_type):
        transaction.add_header(header.name, header.value)
    transaction.end_of_headers()
    transaction.body(encrypted() if body is None else body)
    decision = transaction.end(may_wait=True)
    transaction.close()
    return decision


def test_local_mail_is_not_signed(policy: Policy) -> None:
    """Only other servers verify signatures."""
    decision = decide(policy, Ingress.SUBMISSION, ALICE, BOB, ALICE)

    assert (Accept(), None) == (decision.verdict, decision.signature)


@pytest.mark.parametrize("recipients", [(EVE,), (BOB, EVE)])
def test_outgoing_mail_is_signed(policy: Policy, recipients: tuple[str, ...]) -> None:
    """One remote recipient is enough; dkimpy verifies the signature."""
    fields = (b"Subject: secret", b"User-Agent: x", b"Autocrypt: addr=alice;\r\n keydata=AAAA")
    decision = decide(policy, Ingress.SUBMISSION, ALICE, *recipients, fields=fields)
    assert policy.signer is not None
    assert decision.signature is not None
    header = (
        b"DKIM-Signature:" + decision.signature + b"\r\n"
        b"From: <" + ALICE.encode() + b">\r\nSubject: [...]\r\n"
        b"Autocrypt: addr=alice;\r\n keydata=AAAA\r\n"
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
        b'\tboundary="=-cut"\r\n\r\n'
    )
    record = public_record(policy.signer.key).encode()

    assert dkim.verify(header + encrypted(), dnsfunc=lambda name, timeout: record)
    assert not dkim.verify(header + b"x" + encrypted(), dnsfunc=lambda name, timeout: record)


def test_outgoing_bounces_are_signed(policy: Policy) -> None:
    """They are clear text; no rate limit, no header clean-up."""
    subject = b"Subject: Undelivered Mail Returned to Sender"
    for recipient, signed in ((EVE, True), (ALICE, False)):
        decision = decide(
            policy,
            Ingress.BOUNCE,
            "",
            recipient,
            author="MAILER-DAEMON@chat.example.org",
            fields=(subject,),
            body=b"I am sorry\r\n",
        )

        assert (Accept(), [], signed) == (
            decision.verdict,
            decision.changes,
            decision.signature is not None,
        )


def test_local_programs_have_no_privilege(policy: Policy) -> None:
    """Mail with a sender follows the rules of submission."""
    decision = decide(policy, Ingress.BOUNCE, ALICE, EVE, body=b"Hello\r\n")

    assert decision.verdict == NOT_ENCRYPTED


def test_a_relay_at_a_literal_does_not_sign(policy: Policy) -> None:
    """A literal has no DNS name for a key."""
    decision = decide(dataclasses.replace(policy, signer=None), Ingress.SUBMISSION, ALICE, EVE)

    assert (Accept(), None) == (decision.verdict, decision.signature)


@pytest.mark.parametrize("ingress", [Ingress.SUBMISSION, *REMOTE])
def test_disabled_recipients_are_removed(
    policy: Policy, mailboxes: Mailboxes, ingress: Ingress
) -> None:
    """The others get the message; without others it is discarded."""
    mailboxes.set_disabled(parse_address(BOB), True)
    sender = ALICE if ingress is Ingress.SUBMISSION else "eve@[192.0.2.1]"
    tagged = BOB.replace("@", "+tag@").upper()
    decision = decide(policy, ingress, sender, tagged, ALICE, BOB)

    assert (Accept(), (tagged, BOB)) == (decision.verdict, decision.removed)
    assert Discard() == decide(policy, ingress, sender, BOB).verdict


def test_mail_of_disabled_senders_is_discarded(policy: Policy, mailboxes: Mailboxes) -> None:
    """The reply is 250."""
    mailboxes.set_disabled(parse_address(ALICE), True)

    assert Discard() == decide(policy, Ingress.SUBMISSION, ALICE, EVE).verdict


@pytest.mark.parametrize("ingress", REMOTE)
def test_incoming_clear_text_passes_if_the_operator_allows_it(
    policy: Policy, settings: Settings, ingress: Ingress
) -> None:
    """The account flag of every recipient decides; a signature is still needed."""
    sender, body = "eve@[192.0.2.1]", b"Hello\r\n"

    assert decide(policy, ingress, sender, ALICE, body=body).verdict == NOT_ENCRYPTED
    (pathlib.Path(settings.directories.mail) / ALICE / "enforceE2EEincoming").unlink()
    assert Accept() == decide(policy, ingress, sender, ALICE, body=body).verdict
    assert decide(policy, ingress, sender, ALICE, BOB, body=body).verdict == NOT_ENCRYPTED
    nobody = "nobody@chat.example.org"
    assert decide(policy, ingress, sender, ALICE, nobody, body=body).verdict == NOT_ENCRYPTED


@pytest.mark.parametrize("ingress", REMOTE)
def test_reports_of_other_servers_are_rewritten(policy: Policy, ingress: Ingress) -> None:
    """Only with the null sender, and only if the budget has room for the body."""
    kind, parts = reports.POSTFIX
    sent = reports.body(*parts)
    daemon = "mailer-daemon@[192.0.2.1]"

    def decision(policy: Policy, sender: str, body: bytes = sent) -> Decision:
        return decide(policy, ingress, sender, ALICE, author=daemon, body=body, content_type=kind)

    returned = decision(policy, "")
    assert Accept(null_sender=True, as_report=True) == returned.verdict
    assert returned.body is not None
    assert (b"words of Alice" in sent, b"words of Alice" in returned.body) == (True, False)
    assert decision(policy, daemon).verdict == NOT_ENCRYPTED
    assert decision(policy, "", sent.replace(b"Status:", b"State:")).verdict == NOT_ENCRYPTED
    small = dataclasses.replace(policy, header_budget=ByteBudget(1 << 14))
    assert decision(small, "").verdict == OVERLOADED


@pytest.mark.parametrize("ingress", REMOTE)
def test_a_dns_failure_is_a_temporary_refusal(policy: Policy, ingress: Ingress) -> None:
    """The reply is 451: the sending server retries."""
    assert policy.signer is not None
    foreign = dataclasses.replace(policy.signer, domain="peer.example")
    header, body = header_from(EVE), encrypted()
    decision = decide(
        dataclasses.replace(policy, mail_domain="peer.example", signer=foreign),
        Ingress.SUBMISSION,
        EVE,
        ALICE,
    )
    assert decision.signature is not None
    transaction = Transaction(policy, envelope(ingress, EVE, ALICE))
    transaction.add_header(b"DKIM-Signature", decision.signature)
    for field in header:
        transaction.add_header(field.name, field.value)
    transaction.end_of_headers()
    transaction.body(body)
    verdict = transaction.end(may_wait=True).verdict

    assert isinstance(verdict, Refuse)
    assert verdict.code == 451


def test_headers_have_a_size_limit(policy: Policy) -> None:
    """One large header is a 500; a used-up budget is a 451."""
    roomy = dataclasses.replace(policy, header_budget=ByteBudget(2 << 20))
    full = dataclasses.replace(policy, header_budget=ByteBudget(1 << 19))

    assert [refused(each) for each in (roomy, full)] == [500, 451]
    assert refused(roomy, fields=1, field_bytes=57_000) == 500


def test_large_headers_cannot_use_the_whole_budget(policy: Policy) -> None:
    """Small headers still pass while large ones wait for DNS; here they get a 500 without From."""
    shared = ByteBudget(4 << 20, reserved_for_small=2 << 20)
    policy = dataclasses.replace(policy, header_budget=shared)
    waiting = [Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE)) for _ in range(5)]
    for transaction in waiting:
        for _ in range(18):
            transaction.add_header(b"X", b" " * 50_000)

    assert refused(policy, fields=18) == 451
    assert refused(policy, fields=1) == 500
    for transaction in waiting:
        transaction.close()
    assert refused(policy, fields=18) == 500


def refused(policy: Policy, fields: int = 40, field_bytes: int = 50_000) -> int:
    """The reply code for a header, of two megabytes by default."""
    budget = policy.header_budget
    left = budget._left
    transaction = Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE))
    for _ in range(fields):
        transaction.add_header(b"X", b" " * field_bytes)
    transaction.end_of_headers()
    transaction.body(b"Hello")
    verdict = transaction.end(may_wait=True).verdict
    transaction.close()
    transaction.close()
    assert left == budget._left
    assert isinstance(verdict, Refuse)
    return verdict.code


def test_a_large_body_is_not_held_in_memory(policy: Policy) -> None:
    """The peak for 30 MB is less than 1 MB above that of a small message."""
    peak = traced_peak(lambda: decide(policy, body=b"x" * 100))
    piece = b"A" * 64 + b"\r\n"
    large = piece * 500

    def feed() -> None:
        transaction = Transaction(policy, envelope(Ingress.SUBMISSION, BOB, EVE))
        for header in header_from(BOB):
            transaction.add_header(header.name, header.value)
        transaction.end_of_headers()
        start, end = encrypted().split(b"-----END", 1)
        transaction.body(start)
        for _ in range(1000):
            transaction.body(large)
        transaction.body(b"-----END" + end)
        transaction.end(may_wait=True)

    assert traced_peak(feed) < peak + 1_000_000


def traced_peak(call: Callable[[], object]) -> int:
    """Peak memory of a call in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
