"""A message from MAIL to the verdict, with the facts of a real relay on disk."""

import dataclasses
import pathlib
import time
import tracemalloc
from collections.abc import Callable

import dkim
import pytest

from chatmaild.address import parse_address
from chatmaild.dkim.keys import ensure_keys, load_signer, public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.errors import KeyUnavailableError
from chatmaild.filter.envelope import Recipient
from chatmaild.filter.policy import Budget, Ingress, Policy
from chatmaild.filter.rate_limit import RateLimiter
from chatmaild.filter.recipients import Recipients
from chatmaild.filter.transaction import Outcome, Transaction
from chatmaild.filter.verdicts import (
    BAD_RECIPIENT,
    NOT_ENCRYPTED,
    NOT_OWNER,
    OVERLOADED,
    UNKNOWN_RECIPIENT,
    Accept,
    Discard,
    Refuse,
)
from chatmaild.settings import Settings
from chatmaild.store.fullness import Fullness
from chatmaild.store.mailboxes import Mailboxes

from .letters import ALICE, BOB, ENCRYPTED_TYPE, EVE, encrypted, envelope, letter
from .mime import reports

NOW_S = int(time.time())
FOREIGN = [Ingress.SMTP, Ingress.HTTPS]
CLIENT = "192.0.2.1"


@pytest.fixture
def policy(settings: Settings, mailboxes: Mailboxes) -> Policy:
    """What the filter of chat.example.org knows; Alice and Bob live there."""
    ensure_keys(settings)
    for address in (ALICE, BOB):
        mailboxes.create(parse_address(address), "hash", now_s=NOW_S)
    fullness = Fullness(mailboxes, settings.retention)
    return Policy(
        mail_domain=settings.mail_domain,
        flags=mailboxes,
        recipients=Recipients(fullness, settings.sockets.quota_status),
        limiter=RateLimiter(per_minute=60, burst=10),
        signer=load_signer(settings),
        keys=KeyCache(query=no_dns),
        headers_in_flight=Budget(1 << 20),
        clock=lambda: NOW_S,
        monotonic=lambda: 0.0,
    )


def no_dns(_: str) -> TxtAnswer:
    """DNS is down."""
    raise KeyUnavailableError("down")


def passed(
    policy: Policy,
    ingress: Ingress = Ingress.SUBMISSION,
    sender: str = ALICE,
    *recipients: str,
    author: str | None = None,
    fields: tuple[bytes, ...] = (),
    body: bytes | None = None,
    content_type: bytes = ENCRYPTED_TYPE,
) -> Outcome:
    """The outcome for a message; encrypted unless a body is given."""
    letter_from = envelope(ingress, sender, *(recipients or (BOB,)), domain=policy.mail_domain)
    letter_from.client = CLIENT
    transaction = Transaction(policy, letter_from)
    for header in letter(author or sender, *fields, content_type=content_type):
        transaction.add_header(header.name, header.value)
    transaction.end_of_headers()
    transaction.body(encrypted() if body is None else body)
    outcome = transaction.end(may_wait=True)
    transaction.close()
    return outcome


def test_what_stays_is_not_signed(policy: Policy) -> None:
    """Nobody would verify it."""
    outcome = passed(policy, Ingress.SUBMISSION, ALICE, BOB, ALICE)

    assert (Accept(), None) == (outcome.verdict, outcome.signature)


@pytest.mark.parametrize("recipients", [(EVE,), (BOB, EVE)])
def test_what_leaves_is_signed(policy: Policy, recipients: tuple[str, ...]) -> None:
    """Also where only one of its recipients is elsewhere; verified by an independent program."""
    fields = (b"Subject: secret", b"User-Agent: x", b"Autocrypt: addr=alice;\r\n keydata=AAAA")
    outcome = passed(policy, Ingress.SUBMISSION, ALICE, *recipients, fields=fields)
    assert policy.signer is not None
    assert outcome.signature is not None
    header = (
        b"DKIM-Signature:" + outcome.signature + b"\r\n"
        b"From: <" + ALICE.encode() + b">\r\nSubject: [...]\r\n"
        b"Autocrypt: addr=alice;\r\n keydata=AAAA\r\n"
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
        b'\tboundary="=-cut"\r\n\r\n'
    )
    record = public_record(policy.signer.key).encode()

    assert dkim.verify(header + encrypted(), dnsfunc=lambda name, timeout: record)
    assert not dkim.verify(header + b"x" + encrypted(), dnsfunc=lambda name, timeout: record)


def test_our_own_bounces_are_signed_when_they_leave(policy: Policy) -> None:
    """They are clear text, and nobody counts or cleans them."""
    subject = b"Subject: Undelivered Mail Returned to Sender"
    for recipient, signed in ((EVE, True), (ALICE, False)):
        outcome = passed(
            policy,
            Ingress.BOUNCE,
            "",
            recipient,
            author="MAILER-DAEMON@chat.example.org",
            fields=(subject,),
            body=b"I am sorry\r\n",
        )

        assert (Accept(), [], signed) == (
            outcome.verdict,
            outcome.changes,
            outcome.signature is not None,
        )


def test_programs_on_this_machine_have_no_privilege(policy: Policy) -> None:
    """Mail that they send under a name is judged like anybody's."""
    outcome = passed(policy, Ingress.BOUNCE, ALICE, EVE, body=b"Hello\r\n")

    assert outcome.verdict == NOT_ENCRYPTED


def test_without_keys_nothing_is_signed(policy: Policy) -> None:
    """A relay whose domain is a literal has no DKIM."""
    outcome = passed(dataclasses.replace(policy, signer=None), Ingress.SUBMISSION, ALICE, EVE)

    assert (Accept(), None) == (outcome.verdict, outcome.signature)


@pytest.mark.parametrize("ingress", [Ingress.SUBMISSION, *FOREIGN])
def test_disabled_recipients_are_removed(
    policy: Policy, mailboxes: Mailboxes, ingress: Ingress
) -> None:
    """The others get the message; without others it vanishes."""
    mailboxes.set_disabled(parse_address(BOB), True)
    sender = ALICE if ingress is Ingress.SUBMISSION else "eve@[192.0.2.1]"
    tagged = BOB.replace("@", "+tag@").upper()
    outcome = passed(policy, ingress, sender, tagged, ALICE, BOB)

    assert (Accept(), (tagged, BOB)) == (outcome.verdict, outcome.removed)
    assert Discard() == passed(policy, ingress, sender, BOB).verdict


def test_disabled_senders_write_to_nobody(policy: Policy, mailboxes: Mailboxes) -> None:
    """And read 250."""
    mailboxes.set_disabled(parse_address(ALICE), True)

    assert Discard() == passed(policy, Ingress.SUBMISSION, ALICE, EVE).verdict


@pytest.mark.parametrize("ingress", FOREIGN)
def test_clear_text_comes_in_where_the_operator_allows_it(
    policy: Policy, settings: Settings, ingress: Ingress
) -> None:
    """The marker decides for each address; its origin has to be proven still."""
    sender, body = "eve@[192.0.2.1]", b"Hello\r\n"

    assert passed(policy, ingress, sender, ALICE, body=body).verdict == NOT_ENCRYPTED
    (pathlib.Path(settings.directories.mail) / ALICE / "enforceE2EEincoming").unlink()
    assert Accept() == passed(policy, ingress, sender, ALICE, body=body).verdict
    assert passed(policy, ingress, sender, ALICE, BOB, body=body).verdict == NOT_ENCRYPTED
    nobody = "nobody@chat.example.org"
    assert passed(policy, ingress, sender, ALICE, nobody, body=body).verdict == NOT_ENCRYPTED


@pytest.mark.parametrize("ingress", FOREIGN)
def test_reports_of_others_are_written_anew(policy: Policy, ingress: Ingress) -> None:
    """With a null sender, and room for it; the others need not hold their body."""
    kind, parts = reports.POSTFIX
    sent = reports.body(*parts)
    daemon = "mailer-daemon@[192.0.2.1]"

    def outcome(policy: Policy, sender: str, body: bytes = sent) -> Outcome:
        return passed(policy, ingress, sender, ALICE, author=daemon, body=body, content_type=kind)

    returned = outcome(policy, "")
    assert Accept(null_sender=True, as_report=True) == returned.verdict
    assert returned.body is not None
    assert (b"words of Alice" in sent, b"words of Alice" in returned.body) == (True, False)
    assert outcome(policy, daemon).verdict == NOT_ENCRYPTED
    assert outcome(policy, "", sent.replace(b"Status:", b"State:")).verdict == NOT_ENCRYPTED
    small = dataclasses.replace(policy, headers_in_flight=Budget(1 << 14))
    assert outcome(small, "").verdict == OVERLOADED


@pytest.mark.parametrize("ingress", FOREIGN)
def test_dns_that_does_not_answer_refuses_nobody_for_good(policy: Policy, ingress: Ingress) -> None:
    """451: the sender comes back."""
    assert policy.signer is not None
    foreign = dataclasses.replace(policy.signer, domain="peer.example")
    header, body = letter(EVE), encrypted()
    outcome = passed(
        dataclasses.replace(policy, mail_domain="peer.example", signer=foreign),
        Ingress.SUBMISSION,
        EVE,
        ALICE,
    )
    assert outcome.signature is not None
    transaction = Transaction(policy, envelope(ingress, EVE, ALICE))
    transaction.add_header(b"DKIM-Signature", outcome.signature)
    for field in header:
        transaction.add_header(field.name, field.value)
    transaction.end_of_headers()
    transaction.body(body)
    verdict = transaction.end(may_wait=True).verdict

    assert isinstance(verdict, Refuse)
    assert verdict.code == 451


def refusal(policy: Policy, ingress: Ingress, sender: str, login: str = "") -> Refuse | None:
    """What the envelope sender is answered; the login is the sender unless given."""
    name = (login or sender).encode()
    found = policy.sender(ingress, f"<{sender}>".encode(), resolved=sender.encode(), login=name)
    return found if isinstance(found, Refuse) else None


def test_the_rate_is_limited_at_submission_only(policy: Policy) -> None:
    """The eleventh message of a second; other servers and our own bounces are not counted."""
    for _ in range(10):
        assert refusal(policy, Ingress.SUBMISSION, ALICE) is None
    refused = refusal(policy, Ingress.SUBMISSION, ALICE.upper())

    assert refused is not None
    assert refused.code == 450
    assert refused.text.startswith(f"4.7.1: Too much mail from <{ALICE}>, ")
    assert refusal(policy, Ingress.SUBMISSION, BOB) is None
    for ingress in (*FOREIGN, Ingress.BOUNCE):
        assert refusal(policy, ingress, ALICE) is None


def test_one_login_has_one_budget(policy: Policy) -> None:
    """However the sender spells the own name; issue 5 A1."""
    spellings = ['"alice"@chat.example.org', '"\\alice"@chat.example.org', ALICE.upper(), ALICE]
    answers = [
        policy.sender(
            Ingress.SUBMISSION,
            f"<{spellings[count % 4]}>".encode(),
            resolved=ALICE.encode(),
            login=ALICE.encode(),
        )
        for count in range(12)
    ]

    assert [isinstance(answer, Refuse) for answer in answers] == [False] * 10 + [True] * 2


@pytest.mark.parametrize("sender", ["", "alice", "a@b@c", "alice@chat.example.org."])
def test_nobody_submits_without_an_address(policy: Policy, sender: str) -> None:
    """Rule O1."""
    refused = refusal(policy, Ingress.SUBMISSION, sender, ALICE)

    assert refused is not None
    assert (500, f"Invalid from address <{sender}>") == (refused.code, refused.text)
    assert all(refusal(policy, ingress, "") is None for ingress in FOREIGN)


@pytest.mark.parametrize("login", ["", "bob@chat.example.org", "alice", "alice+x@chat.example.org"])
def test_the_login_is_the_sender(policy: Policy, login: str) -> None:
    """Postfix checks it, too; without a login nothing is submitted."""
    found = policy.sender(
        Ingress.SUBMISSION,
        f"<{ALICE}>".encode(),
        resolved=ALICE.encode(),
        login=login.encode(),
    )

    assert found == NOT_OWNER


@pytest.mark.parametrize(
    ("path", "resolved", "ingress", "answer"),
    [
        (f"<{BOB}>", BOB, Ingress.SMTP, None),
        ('<"bob"@chat.example.org>', BOB, Ingress.SMTP, None),
        ("<@relay.example:bob@chat.example.org>", BOB, Ingress.SMTP, None),
        ("<bob+tag@CHAT.example.org>", "bob+tag@chat.example.org", Ingress.SMTP, None),
        ("<b\\ob@chat.example.org>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        ("<bob@chat.example.org.>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        ("<bob(x)@chat.example.org>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        ("<bob>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        (f"<{ALICE}>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        (f"<{BOB}>", "", Ingress.SMTP, BAD_RECIPIENT),
        ("<\xff@chat.example.org>", BOB, Ingress.SMTP, BAD_RECIPIENT),
        ("<carol@chat.example.org>", "carol@chat.example.org", Ingress.SMTP, UNKNOWN_RECIPIENT),
        ("<carol@chat.example.org>", "carol@chat.example.org", Ingress.HTTPS, None),
        ("<carol@chat.example.org>", "carol@chat.example.org", Ingress.SUBMISSION, None),
        (f"<{EVE}>", EVE, Ingress.SMTP, UNKNOWN_RECIPIENT),
        (f"<{EVE}>", EVE, Ingress.HTTPS, UNKNOWN_RECIPIENT),
        ("<bob@[192.0.2.1]>", "bob@[192.0.2.1]", Ingress.SMTP, UNKNOWN_RECIPIENT),
        (f"<{EVE}>", EVE, Ingress.SUBMISSION, None),
    ],
)
def test_a_recipient_is_the_one_that_postfix_delivers_to(
    policy: Policy, path: str, resolved: str, ingress: Ingress, answer: Refuse | None
) -> None:
    """Or nobody: what two readers understand differently is refused."""
    found = policy.recipient(ingress, path.encode("latin-1"), resolved=resolved.encode())

    if answer is None:
        assert isinstance(found, Recipient)
        assert found.resolved == resolved
    else:
        assert found == answer


def test_headers_are_bounded(policy: Policy) -> None:
    """A single message is refused, many at once are asked to come back."""
    roomy = dataclasses.replace(policy, headers_in_flight=Budget(2 << 20))
    full = dataclasses.replace(policy, headers_in_flight=Budget(1 << 19))

    assert [refused(each) for each in (roomy, full)] == [500, 451]
    assert refused(roomy, fields=1, octets=57_000) == 500


def test_large_headers_leave_room_for_others(policy: Policy) -> None:
    """They may wait for DNS, and others are judged meanwhile; without From they read a 500."""
    shared = Budget(4 << 20, for_small=2 << 20)
    policy = dataclasses.replace(policy, headers_in_flight=shared)
    waiting = [Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE)) for _ in range(5)]
    for transaction in waiting:
        for _ in range(18):
            transaction.add_header(b"X", b" " * 50_000)

    assert refused(policy, fields=18) == 451
    assert refused(policy, fields=1) == 500
    for transaction in waiting:
        transaction.close()
    assert refused(policy, fields=18) == 500


def refused(policy: Policy, fields: int = 40, octets: int = 50_000) -> int:
    """The code that answers a header, of two megabytes if not told otherwise."""
    budget = policy.headers_in_flight
    left = budget._left
    transaction = Transaction(policy, envelope(Ingress.SMTP, EVE, ALICE))
    for _ in range(fields):
        transaction.add_header(b"X", b" " * octets)
    transaction.end_of_headers()
    transaction.body(b"Hello")
    verdict = transaction.end(may_wait=True).verdict
    transaction.close()
    transaction.close()
    assert left == budget._left
    assert isinstance(verdict, Refuse)
    return verdict.code


def test_a_large_message_takes_no_memory(policy: Policy) -> None:
    """30 MB go through without being kept: what is held is bounded by some pieces."""
    peak = traced_peak(lambda: passed(policy, body=b"x" * 100))
    piece = b"A" * 64 + b"\r\n"
    large = piece * 500

    def feed() -> None:
        transaction = Transaction(policy, envelope(Ingress.SUBMISSION, BOB, EVE))
        for header in letter(BOB):
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
    """Most octets that Python held during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
