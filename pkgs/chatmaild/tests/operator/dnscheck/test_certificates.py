"""TLSA records are compared with the certificate in use."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatmaild.operator.dnscheck.here import Here

from .world import DOMAIN, HERE, right, wrong


@pytest.fixture(scope="module")
def certificate() -> x509.Certificate:
    """A certificate of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def test_tlsa_matches_the_certificate(certificate: x509.Certificate) -> None:
    """By key or whole, as a hash or in full; usages for browsers do not count."""
    here = Here(sources=HERE.sources, has=HERE.has, certificates=(certificate,))
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    whole = certificate.public_bytes(Encoding.DER)
    old = "00" * 32

    def faults(*values: str) -> int:
        return len(wrong(right() | {(f"_25._tcp.{DOMAIN}", "TLSA"): list(values)}, here))

    assert faults(f"3 1 1 {hashlib.sha256(key).hexdigest().upper()}") == 0
    assert faults(f"3 1 1 {old}", f"2 0 2 {hashlib.sha512(whole).hexdigest()}") == 0
    assert faults(f"3 0 0 {whole.hex()}") == 0
    assert faults(f"3 1 1 {old}") == 1
    assert faults(f"1 1 1 {hashlib.sha256(key).hexdigest()}") == 1
    assert faults("3 x") == 1
