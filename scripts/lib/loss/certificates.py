"""Certificates of relays that expire, and are restored."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator

from chatmail_lab import Lab
from chatmail_lab.host.base_files import CERTIFICATE_FILE
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from loss.plan import Trouble

HOUR = datetime.timedelta(hours=1)


@contextlib.contextmanager
def expired(lab: Lab, trouble: Trouble) -> Iterator[None]:
    """Give a relay a certificate of its authority that expired an hour ago."""
    assembly = lab.assembly()
    file = assembly.rootfs(assembly.host(trouble.host)).path(CERTIFICATE_FILE)
    usual = file.read_bytes()
    key = serialization.load_pem_private_key(
        (assembly.authority.directory / "ca.key").read_bytes(), password=None
    )
    now = datetime.datetime.now(tz=datetime.UTC)
    try:
        # in place: owner and mode stay
        file.write_bytes(aged(usual, key, now) + assembly.authority.certificate.encode())  # type: ignore[arg-type]
        yield
    finally:
        file.write_bytes(usual)


def aged(
    certificate: bytes, key: CertificateIssuerPrivateKeyTypes, now: datetime.datetime
) -> bytes:
    """Return a certificate like the first one of a PEM text that expired an hour before `now`."""
    like = x509.load_pem_x509_certificate(certificate)
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.issuer)
        .public_key(like.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 48 * HOUR)
        .not_valid_after(now - HOUR)
    )
    for extension in like.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
