"""Checks of the envelope: sender, login, rate limit, recipients and their domains."""

import pytest

from chatmaild.address import parse_address
from chatmaild.filter.envelope import Recipient, read_mailbox
from chatmaild.filter.policy import Envelope, Ingress, Policy
from chatmaild.filter.transaction import Transaction
from chatmaild.filter.verdicts import (
    BAD_RECIPIENT,
    DOMAIN_BLOCKED,
    DOMAINS_UNREADABLE,
    NOT_FROM_ITS_ADDRESS,
    NOT_OWNER,
    TOO_MANY_DOMAINS,
    TOO_MANY_DOMAINS_NOW,
    UNKNOWN_RECIPIENT,
    Accept,
    Refuse,
    Verdict,
)
from chatmaild.settings import Settings
from chatmaild.store.decisions.domains import file_of

from .support.messages import ALICE, BOB, EVE, encrypted, envelope, header_from

REMOTE = [Ingress.SMTP, Ingress.HTTPS]
CAROL = "carol@other.example"
NOBODY = "nobody@chat.example.org"

CLIENT = "198.51.100.7"


def refusal(
    policy: Policy, ingress: Ingress, sender: str, login: str = "", client: str = CLIENT
) -> Refuse | None:
    """The refusal of an envelope sender; the login is the sender unless given."""
    name = (login or sender).encode()
    path, resolved = f"<{sender}>".encode(), sender.encode()
    found = policy.sender(ingress, path, resolved=resolved, login=name, client=client)
    return found if isinstance(found, Refuse) else None


def test_the_rate_limit_is_for_submission_only(policy: Policy) -> None:
    """The eleventh message in a second is refused; other servers and bounces have no limit."""
    for _ in range(10):
        assert refusal(policy, Ingress.SUBMISSION, ALICE) is None
    refused = refusal(policy, Ingress.SUBMISSION, ALICE.upper())

    assert refused is not None
    assert refused.code == 450
    assert refused.text.startswith(f"4.7.1: Too much mail from <{ALICE}>, ")
    assert refusal(policy, Ingress.SUBMISSION, BOB) is None
    for ingress in (*REMOTE, Ingress.BOUNCE):
        assert refusal(policy, ingress, ALICE) is None


def test_one_login_has_one_rate_limit(policy: Policy) -> None:
    """For every spelling of its address (issue 5 A1)."""
    spellings = ['"alice"@chat.example.org', '"\\alice"@chat.example.org', ALICE.upper(), ALICE]
    answers = [
        policy.sender(
            Ingress.SUBMISSION,
            f"<{spellings[count % 4]}>".encode(),
            resolved=ALICE.encode(),
            login=ALICE.encode(),
            client=CLIENT,
        )
        for count in range(12)
    ]

    assert [isinstance(answer, Refuse) for answer in answers] == [False] * 10 + [True] * 2


@pytest.mark.parametrize("sender", ["", "alice", "a@b@c", "alice@chat.example.org."])
def test_submission_needs_an_address_as_sender(policy: Policy, sender: str) -> None:
    """Rule O1."""
    refused = refusal(policy, Ingress.SUBMISSION, sender, ALICE)

    assert refused is not None
    assert (500, f"Invalid from address <{sender}>") == (refused.code, refused.text)
    assert all(refusal(policy, ingress, "") is None for ingress in REMOTE)


@pytest.mark.parametrize("ingress", REMOTE)
@pytest.mark.parametrize(
    ("sender", "client", "passes"),
    [
        ("eve@[198.51.100.7]", "198.51.100.7", True),
        ("eve@[IPv6:2001:db8::2]", "IPv6:2001:db8::2", True),
        ("eve@[198.51.100.7]", "198.51.100.8", False),
        ("eve@[198.51.100.7]", "", False),
        ("eve@[127.0.0.1]", "127.0.0.1", False),
        ("eve@[10.1.2.3]", "198.51.100.7", False),
        ("eve@peer.example", "198.51.100.7", True),
    ],
)
def test_a_literal_sender_must_be_the_client(
    policy: Policy, ingress: Ingress, sender: str, client: str, passes: bool
) -> None:
    """A bounce would go to an IP address that never wrote to us (issue 8 A1)."""
    refused = refusal(policy, ingress, sender, client=client)

    assert refused == (None if passes else NOT_FROM_ITS_ADDRESS)


@pytest.mark.parametrize("login", ["", "bob@chat.example.org", "alice", "alice+x@chat.example.org"])
def test_the_sender_must_be_the_login(policy: Policy, login: str) -> None:
    """Postfix checks it, too; without a login the sender is refused."""
    found = policy.sender(
        Ingress.SUBMISSION,
        f"<{ALICE}>".encode(),
        resolved=ALICE.encode(),
        login=login.encode(),
        client=CLIENT,
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
def test_a_recipient_must_be_the_one_that_postfix_delivers_to(
    policy: Policy, path: str, resolved: str, ingress: Ingress, answer: Refuse | None
) -> None:
    """A path that Postfix and the filter parse differently is refused."""
    found = policy.recipient(ingress, path.encode("latin-1"), resolved=resolved.encode())

    if answer is None:
        assert isinstance(found, Recipient)
        assert found.resolved == resolved
    else:
        assert found == answer


def domains_refused(policy: Policy, message: Envelope, *domains: str) -> list[Refuse | None]:
    """The answers to recipients in these domains."""
    found = [read_mailbox(f"x@{domain}", policy.mail_domain) for domain in domains]
    return [
        policy.too_many_domains(message, Recipient(mailbox=mailbox, resolved=""))
        for mailbox in found
        if mailbox is not None
    ]


def test_a_message_has_few_domains(policy: Policy) -> None:
    """Three here; repeated ones and our own do not count, and mail of servers has no limit."""
    alice = parse_address(ALICE)
    message = Envelope(ingress=Ingress.SUBMISSION, sender=alice)
    answers = domains_refused(policy, message, "a.test", "b.test", "c.test", "d.test", "a.test")

    assert answers == [None, None, None, TOO_MANY_DOMAINS, None]
    assert domains_refused(policy, message, policy.mail_domain) == [None]
    remote = Envelope(ingress=Ingress.BOUNCE, sender=alice)
    assert domains_refused(policy, remote, *(f"{n}.test" for n in range(9))) == [None] * 9


def test_a_login_has_few_domains_a_minute(policy: Policy) -> None:
    """Five here, in all messages together."""
    alice = parse_address(ALICE)
    first = Envelope(ingress=Ingress.SUBMISSION, sender=alice)
    second = Envelope(ingress=Ingress.SUBMISSION, sender=alice)

    assert domains_refused(policy, first, "a.test", "b.test", "c.test") == [None] * 3
    assert domains_refused(policy, second, "d.test", "e.test", "f.test", "a.test") == [
        None,
        None,
        TOO_MANY_DOMAINS_NOW,
        None,
    ]


def verdict(policy: Policy, *recipients: str) -> Verdict:
    """The verdict on encrypted mail of Alice."""
    transaction = Transaction(policy, envelope(Ingress.SUBMISSION, ALICE, *recipients))
    for header in header_from(ALICE):
        transaction.add_header(header.name, header.value)
    transaction.end_of_headers()
    transaction.body(encrypted())
    found = transaction.end(may_wait=True).verdict
    transaction.close()
    return found


@pytest.mark.parametrize("ingress", REMOTE)
def test_the_envelope_sender_of_other_servers(
    ingress: Ingress, policy: Policy, settings: Settings
) -> None:
    """In force at once; the null sender and the own domain have no rule."""
    assert refusal(policy, ingress, EVE) is None
    file_of(settings).write_text('{"blocked": ["peer.example", "chat.example.org"]}')

    for address in (EVE, "x@a.peer.example"):
        assert refusal(policy, ingress, address) == DOMAIN_BLOCKED
    assert (DOMAIN_BLOCKED.code, DOMAIN_BLOCKED.text[:5]) == (550, "5.7.1")
    assert refusal(policy, ingress, "") is None
    for address, where in ((ALICE, ingress), (ALICE, Ingress.SUBMISSION), (CAROL, ingress)):
        assert refusal(policy, where, address) is None


@pytest.mark.parametrize("ingress", REMOTE)
def test_in_doubt_mail_of_other_servers_waits(
    ingress: Ingress, policy: Policy, settings: Settings
) -> None:
    """With 451; mail within the relay goes on."""
    file_of(settings).write_text("{")

    assert refusal(policy, ingress, EVE) == DOMAINS_UNREADABLE
    assert policy.domain_refusal("peer.example") == DOMAINS_UNREADABLE
    assert verdict(policy, EVE) == DOMAINS_UNREADABLE
    assert Accept() == verdict(policy, BOB)


@pytest.mark.parametrize(
    ("recipients", "code", "named"),
    [
        ((EVE,), 550, EVE),
        ((EVE, "x@a.peer.example"), 550, EVE),
        ((NOBODY, EVE), 550, NOBODY),
        ((EVE, BOB), None, ""),
        ((CAROL, EVE), None, ""),
    ],
)
def test_mail_that_reaches_nobody_is_refused(
    recipients: tuple[str, ...], code: int | None, named: str, policy: Policy, settings: Settings
) -> None:
    """A group with a blocked member can be written to: only the copy for that one is returned."""
    file_of(settings).write_text('{"blocked": ["peer.example"]}')

    found = verdict(policy, *recipients)

    assert code == (found.code if isinstance(found, Refuse) else None)
    assert not isinstance(found, Refuse) or f"<{named}>" in found.text


def test_only_some_domains_are_allowed(policy: Policy, settings: Settings) -> None:
    """Both directions."""
    file_of(settings).write_text('{"allowedOnly": ["other.example"]}')

    assert refusal(policy, Ingress.SMTP, EVE) == DOMAIN_BLOCKED
    assert refusal(policy, Ingress.SMTP, CAROL) is None
    refused = verdict(policy, EVE)
    assert isinstance(refused, Refuse)
    assert refused.text == (
        f"5.7.1 <{EVE}>: Mail to and from this domain is blocked by the operator of this relay"
    )
    assert Accept() == verdict(policy, CAROL) == verdict(policy, BOB)


def test_one_machine_has_one_policy(policy: Policy) -> None:
    """For all messages."""
    assert policy.of_message() is policy
