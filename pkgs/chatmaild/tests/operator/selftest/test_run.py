"""What passes, warns and fails, for every check that has a decision of its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosmtplib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from chatmaild.operator.selftest import certificates, dkim, push, queue
from chatmaild.operator.selftest.report import (
    Check,
    Outcome,
    as_json,
    as_text,
    failed,
    is_healthy,
    passed,
    warned,
)
from chatmaild.operator.selftest.run import without_addresses
from chatmaild.settings import Settings

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def certificate(names: list[str], *, days: int) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=90))
        .not_valid_after(NOW + timedelta(days=days))
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.fixture
def all_names(settings: Settings) -> list[str]:
    return [f"{prefix}{settings.domain}" for prefix in ("", "www.", "mta-sts.")]


def judged(settings: Settings, found: x509.Certificate, trust: str | None = None) -> Outcome:
    return certificates.judge(settings, found, trust=trust, provisional=False, now=NOW).outcome


def test_a_certificate_for_all_names_passes(settings: Settings, all_names: list[str]) -> None:
    """The usual case."""
    assert judged(settings, certificate(all_names, days=60)) == Outcome.PASSED


def test_a_certificate_near_its_end_warns(settings: Settings, all_names: list[str]) -> None:
    """Renewal comes 30 days before."""
    assert judged(settings, certificate(all_names, days=10)) == Outcome.WARNED


def test_what_clients_would_not_trust_fails(settings: Settings, all_names: list[str]) -> None:
    """Expired, for other names, for no name, by an unknown issuer."""
    assert judged(settings, certificate(all_names, days=-1)) == Outcome.FAILED
    assert judged(settings, certificate(all_names[:1], days=60)) == Outcome.FAILED
    assert judged(settings, certificate([], days=60)) == Outcome.FAILED
    good = certificate(all_names, days=60)
    assert judged(settings, good, "self-signed certificate") == Outcome.FAILED


def test_a_provisional_certificate_warns(settings: Settings) -> None:
    """Until the issuer has signed, it is DNS that is waited for; afterwards it is a failure."""
    found = certificate([], days=300)
    check = certificates.judge(settings, found, trust="self-signed", provisional=True, now=NOW)

    assert check.outcome == Outcome.WARNED


def record(key: str) -> str:
    return f"v=DKIM1;k=rsa;p={key};s=email;t=s"


@pytest.mark.parametrize(
    ("published", "outcome"),
    [
        ((record("AAAA"),), Outcome.PASSED),
        (('p="AA AA"; k=rsa',), Outcome.PASSED),
        ((record("BBBB"),), Outcome.FAILED),
        ((record("AAAA"), record("BBBB")), Outcome.FAILED),
        ((), Outcome.FAILED),
    ],
)
def test_the_published_key_must_be_the_own_one(
    published: tuple[str, ...], outcome: Outcome
) -> None:
    """Formatting of a web form does not matter, the key does."""
    assert dkim.judge("x._domainkey.example.org", published, record("AAAA")).outcome == outcome


def waiting(name: str, age_s: float) -> str:
    return json.dumps({"queue_name": name, "arrival_time": 1000 - age_s, "recipients": []})


@pytest.mark.parametrize(
    ("listing", "outcome"),
    [
        ("", Outcome.PASSED),
        (waiting("deferred", 86400), Outcome.PASSED),
        (waiting("active", 5), Outcome.PASSED),
        (waiting("active", 700), Outcome.FAILED),
        (waiting("maildrop", 700), Outcome.FAILED),
        ("\n".join([waiting("deferred", 1)] * 501), Outcome.WARNED),
    ],
)
def test_a_queue_that_stands_still_fails(listing: str, outcome: Outcome) -> None:
    """Mail for others may wait, our own work may not."""
    assert queue.judge(queue.parse(listing), now_s=1000).outcome == outcome


METRICS = """# TYPE chatmail_notifications_total counter
chatmail_notifications_total{result="200"} 7
chatmail_notifications_total{result="unreachable"} 2
chatmail_logins_total 3
"""


def test_notifications_are_counted() -> None:
    """By result, from the text of the accounts service."""
    before = push.parse_counters(METRICS)

    assert before == {"200": 7, "unreachable": 2}
    assert push.grown(before, {**before, "410": 1}) == {"410"}
    assert push.grown(before, before) == frozenset()


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        (frozenset(), Outcome.FAILED),
        (frozenset({"unreachable"}), Outcome.WARNED),
        (frozenset({"410"}), Outcome.PASSED),
        (frozenset({"200", "unreachable"}), Outcome.PASSED),
    ],
)
def test_push_fails_when_nothing_was_tried(results: frozenset[str], outcome: Outcome) -> None:
    """An unreachable notification server is not this machine's fault."""
    assert push.judge(results).outcome == outcome


def test_a_warning_is_healthy_and_a_failure_is_not() -> None:
    """Only what this machine does wrong sends an upgrade back."""
    fine = [passed("a", "x"), warned("b", "y")]

    assert is_healthy(fine)
    assert not is_healthy([*fine, failed("c", "z")])


def test_errors_do_not_tell_addresses() -> None:
    """The report goes to the journal."""
    refused = aiosmtplib.SMTPRecipientRefused(450, "<abc@[192.0.2.1]>: no", "abc@chat.example.org")
    error = aiosmtplib.SMTPRecipientsRefused([refused])

    assert "abc" not in without_addresses(str(error))
    assert "450" in without_addresses(str(error))


def test_the_report_is_read_by_people_and_programs() -> None:
    """The same facts twice."""
    checks = [passed("login", "3 ms"), failed("queue", "stuck")]
    document: dict[str, Any] = json.loads(as_json(checks))

    assert [Check(**{**c, "outcome": Outcome(c["outcome"])}) for c in document["checks"]] == checks
    assert as_text(checks) == "passed  login: 3 ms\nfailed  queue: stuck"
