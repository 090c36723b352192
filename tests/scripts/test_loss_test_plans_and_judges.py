"""scripts/loss-test: the plan of a seed, the ledger on disk, and the judgement of a run."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest
from chatmail_testkit.mail.reply import Reply
from chatmail_testkit.people.names import Account
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from loss import certificates, plan, summary
from loss.judge import AFTERWARDS_S, Outcome, delays, judge
from loss.ledger import NO_ANSWER, NOT_SENT, Attempt, Find, Happened, Ledger, Sight, read
from loss.letters import finds, reason_of, token_of, written

ALICE, BOB, CAROL = "aaaaaaaaa@a.test", "bbbbbbbbb@b.test", "ccccccccc@c.test"
SENT = Attempt(
    token="000001.0",
    message=1,
    sender=ALICE,
    recipients=(BOB, CAROL),
    digest="d",
    code=250,
    reason="",
    begin_s=100.0,
    end_s=101.0,
)
AT_BOB = Find(token=SENT.token, mailbox=BOB, digest="d")
AT_CAROL = Find(token=SENT.token, mailbox=CAROL, digest="d")
KILL = Happened(kind="kill", host="b.test", detail="dovecot", begin_s=102.0, end_s=102.5)
TWICE = [
    Sight(token=SENT.token, mailbox=BOB, seen_s=103.0),
    Sight(token=SENT.token, mailbox=BOB, seen_s=110.0),
]


# --- the plan


def test_a_seed_is_a_plan() -> None:
    """The same messages and troubles at the same times; another seed is another plan."""
    assert plan.letters(7, 300, 60.0) == plan.letters(7, 300, 60.0)
    assert plan.troubles(7, 600.0) == plan.troubles(7, 600.0)
    assert plan.letters(7, 300, 60.0) != plan.letters(8, 300, 60.0)
    assert plan.troubles(7, 600.0) != plan.troubles(8, 600.0)


@pytest.mark.parametrize("seed", range(5))
def test_troubles_of_every_kind_follow_each_other(seed: int) -> None:
    """And end before the traffic does."""
    planned = plan.troubles(seed, 240.0)

    assert {each.kind for each in planned} == set(plan.KINDS)
    ends = [each.begin_s + each.lasts_s for each in planned]
    assert all(end <= after.begin_s + 0.2 for end, after in zip(ends, planned[1:], strict=False))
    assert ends[-1] <= 240.0


def test_a_long_run_has_every_trouble() -> None:
    """All services of all relays are killed, all hosts cut off, all clocks moved both ways."""
    planned = {(each.kind, each.host, each.detail) for each in plan.troubles(1, 1320.0)}

    for relay in plan.RELAYS:
        assert {("kill", relay, unit) for unit in plan.RELAY_UNITS} <= planned
        assert {("clock", relay, step) for step in plan.CLOCK_STEPS} <= planned
    assert {("cut", host, "") for host in plan.HOSTS} <= planned
    assert {("loss", host, "") for host in plan.HOSTS} <= planned


@pytest.mark.parametrize("kind", plan.KINDS)
def test_one_kind_can_be_chosen(kind: str) -> None:
    """`--only` repeats what broke."""
    assert {each.kind for each in plan.troubles(1, 240.0, kind)} == {kind}


def test_letters_go_everywhere_at_a_steady_pace() -> None:
    """Each person sends as many, each host receives; group messages have one of each host."""
    listed = plan.letters(1, 2000, 100.0)

    assert {sum(each.sender == person for each in listed) for person in range(20)} == {100}
    assert {plan.host_of(one) for each in listed for one in each.recipients} == set(plan.HOSTS)
    assert {len(each.recipients) for each in listed} == {1, len(plan.HOSTS)}
    assert [each.due_s for each in listed] == sorted(each.due_s for each in listed)
    assert listed[-1].due_s < 100.0


# --- messages and ledger


def test_a_letter_is_found_and_opened() -> None:
    """Its recipient decrypts the text that was sent; a cut one, and another's, are seen."""
    letter = plan.letters(1, 1, 1.0)[0]
    token, raw, digest = written(letter, 2, ALICE, [BOB])
    bob = Account(address=BOB, password="")

    assert token_of(raw) == token
    assert list(finds(bob, raw)) == [Find(token=token, mailbox=BOB, digest=digest)]
    [damaged] = finds(bob, raw.replace(token.encode(), b"000009.9"))
    assert damaged.digest == "another's text"
    [foreign] = finds(Account(address=CAROL, password=""), raw)
    assert foreign.digest == "cannot be decrypted"


def test_a_bounce_names_recipient_and_reason() -> None:
    """Without the local part, which is personal data."""
    report = (
        b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n"
        b"Final-Recipient: rfc822; Bbbbbbbbb@b.test\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n"
        b" <bbbbbbbbb@b.test> unknown\r\n\r\nMessage-ID: <000001.0@loss.example>\r\n"
    )

    [bounce] = finds(Account(address=ALICE, password=""), report)
    assert (bounce.token, bounce.mailbox) == ("000001.0", BOB)
    assert bounce.reason == "smtp; 550 5.1.1 <…@b.test> unknown"
    assert bounce.is_bounce


def test_a_ledger_survives_its_writer(tmp_path: Path) -> None:
    """Every entry is on disk at once; half a line is none."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.add(SENT)
    written_so_far = read(tmp_path / "ledger", Attempt)
    ledger.close()
    with (tmp_path / "ledger").open("a") as file:
        file.write('{"token": "0000')

    assert [dataclasses.replace(each, recipients=(BOB, CAROL)) for each in written_so_far] == [SENT]
    assert read(tmp_path / "ledger", Attempt) == written_so_far


# --- the judgement


def test_all_is_well() -> None:
    """Each copy is there once."""
    outcome = judge([SENT], [AT_BOB, AT_CAROL])

    assert outcome.is_good
    assert outcome.counts == {"accepted": 2, "arrived": 2, "bounced": 0}


def test_a_missing_copy_is_lost_unless_it_bounced() -> None:
    """The bounce names the recipient."""
    bounce = Find(token=SENT.token, mailbox=CAROL, reason="550 unknown")

    assert judge([SENT], [AT_BOB]).lost == [f"{SENT.token} {CAROL}"]
    assert judge([SENT], [AT_BOB, bounce]).is_good
    assert judge([SENT], [AT_BOB, bounce]).bounces == {"550 unknown": 1}


def test_a_double_needs_a_cause() -> None:
    """A process was killed or a cable cut at either host before the message arrived."""
    finds_ = [AT_BOB, AT_BOB, AT_CAROL]

    explained = judge([SENT], finds_, TWICE, [KILL])
    assert explained.is_good
    assert explained.doubled == {"kill dovecot": 1}
    for other in (
        dataclasses.replace(KILL, host="d.test"),
        dataclasses.replace(KILL, kind="full-disk"),
        dataclasses.replace(KILL, begin_s=111.0, end_s=112.0),
        dataclasses.replace(KILL, begin_s=60.0, end_s=99.0 - AFTERWARDS_S),
    ):
        assert not judge([SENT], finds_, TWICE, [other]).is_good


def test_a_retry_without_a_reply_may_come_twice() -> None:
    """The client cannot know (RFC 1047); after a reply it does not retry."""
    silent = dataclasses.replace(SENT, code=NO_ANSWER, recipients=(BOB,))
    again = dataclasses.replace(SENT, token="000001.1", recipients=(BOB,))
    both = [AT_BOB, dataclasses.replace(AT_BOB, token=again.token)]

    outcome = judge([silent, again], both)
    assert outcome.is_good
    assert sum(outcome.doubled.values()) == 1
    accepted = dataclasses.replace(silent, code=250)
    assert not judge([accepted, again], both).is_good
    assert judge([silent, again], both[1:]).is_good


@pytest.mark.parametrize("code", [NOT_SENT, 451])
def test_a_refused_message_must_not_arrive(code: int) -> None:
    """Or its sender sends it twice."""
    refused = dataclasses.replace(SENT, code=code, reason=f"{code} later")

    assert judge([refused], []).is_good
    assert len(judge([refused], [AT_BOB]).wrong) == 1


def test_wrong_is_wrong() -> None:
    """Refused for good, damaged, delivered and bounced, or sent by nobody."""
    bounce = Find(token=SENT.token, mailbox=BOB, reason="late")
    for attempts, found in (
        ([dataclasses.replace(SENT, code=550, reason="550 no")], []),
        ([SENT], [AT_BOB, dataclasses.replace(AT_CAROL, digest="e")]),
        ([SENT], [AT_BOB, AT_CAROL, bounce]),
        ([SENT], [AT_BOB, AT_CAROL, dataclasses.replace(AT_BOB, token="")]),
    ):
        assert judge(attempts, found).wrong


def test_delays_are_until_the_first_sight() -> None:
    """Of accepted messages."""
    assert [(delay_s, mailbox) for delay_s, mailbox, _ in delays([SENT], TWICE)] == [(2.0, BOB)]
    assert delays([dataclasses.replace(SENT, code=451)], TWICE) == []


def test_the_summary_names_what_is_wrong() -> None:
    """Counts, causes, a row for each kind of trouble, faults."""
    outcome = Outcome(lost=["000001.0 somewhere"])
    lines = summary.tables(outcome, [SENT], TWICE, [KILL], {"queues not empty": ["a.test: 3"]})
    text = "\n".join(lines)

    assert "lost                           1\n    000001.0 somewhere" in text
    assert "queues not empty               1\n    a.test: 3" in text
    assert [line.split()[:2] for line in lines if line.startswith("kill ")] == [["kill", "1"]]


def test_reasons_have_no_local_part() -> None:
    """Ledgers may be attached to an issue."""
    assert reason_of(Reply(451, f"4.3.0 <{ALICE}>: later")) == "451 4.3.0 <…@a.test>: later"


# --- certificates


def test_an_aged_certificate_has_expired() -> None:
    """It is like the old one otherwise, so only its time is wrong."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.test")])
    usual = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    aged = x509.load_pem_x509_certificate(
        certificates.aged(usual.public_bytes(serialization.Encoding.PEM), key, now)
    )

    assert aged.not_valid_after_utc < now
    assert list(aged.extensions) == list(usual.extensions)
    assert aged.public_key() == usual.public_key()
