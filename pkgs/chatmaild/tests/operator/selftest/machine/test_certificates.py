"""What passes, warns and fails about certificates."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from chatmaild.operator.selftest.machine import certificates
from chatmaild.operator.selftest.report import Verdict
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


def judged(settings: Settings, found: x509.Certificate, trust: str | None = None) -> Verdict:
    return certificates.judge(settings, found, trust=trust, provisional=False, now=NOW).verdict


def test_a_certificate_for_all_names_passes(settings: Settings, all_names: list[str]) -> None:
    """The usual case."""
    assert judged(settings, certificate(all_names, days=60)) == Verdict.OK


def test_a_certificate_near_its_end_warns(settings: Settings, all_names: list[str]) -> None:
    """Renewal comes 30 days before."""
    assert judged(settings, certificate(all_names, days=10)) == Verdict.WARNED


def test_what_clients_would_not_trust_fails(settings: Settings, all_names: list[str]) -> None:
    """Expired, for other names, for no name, by an unknown issuer."""
    assert judged(settings, certificate(all_names, days=-1)) == Verdict.FAILED
    assert judged(settings, certificate(all_names[:1], days=60)) == Verdict.FAILED
    assert judged(settings, certificate([], days=60)) == Verdict.FAILED
    good = certificate(all_names, days=60)
    assert judged(settings, good, "self-signed certificate") == Verdict.FAILED


def test_a_provisional_certificate_warns(settings: Settings) -> None:
    """Until the issuer has signed, it is DNS that is waited for; afterwards it is a failure."""
    found = certificate([], days=300)
    check = certificates.judge(settings, found, trust="self-signed", provisional=True, now=NOW)

    assert check.verdict == Verdict.WARNED
