"""The certificate: every port shows the file on disk, and clients can trust it."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from chatmaild.operator.selftest.mailing import DEADLINE_S, HOST, unchecked
from chatmaild.operator.selftest.renewal import renewal
from chatmaild.operator.selftest.report import Check, failed, ok, warned
from chatmaild.settings import Settings

NAME = "certificate"
# NixOS creates this file after the issuer has signed
ORDERED = "acme-success"
# ACME renews 30 days before the end: below this, renewals have failed for two weeks
WARN_BEFORE = timedelta(days=14)


def check(settings: Settings) -> Check:
    """Compare what every TLS port shows with the file, its dates, its names and its issuer."""
    try:
        certificate = x509.load_pem_x509_certificate(
            Path(settings.tls.certificate_file).read_bytes()
        )
    except (OSError, ValueError) as error:
        return failed(
            NAME, f"{settings.tls.certificate_file} cannot be used: {error}", repair(settings)
        )
    for port in tls_ports(settings):
        if (problem := _shown(settings, certificate, port)) is not None:
            return failed(NAME, problem, "systemctl reload-or-restart nginx dovecot postfix")
    return judge(
        settings,
        certificate,
        trust=_trust(settings),
        provisional=is_provisional(settings),
        now=datetime.now(UTC),
    )


def tls_ports(settings: Settings) -> tuple[int, ...]:
    """Ports on which a TLS handshake comes first."""
    ports = settings.ports
    web = () if settings.web.port443 == "off" else (ports.https,)
    return ports.imaps, ports.submissions, *web


def is_provisional(settings: Settings) -> bool:
    """Whether the issuer has not signed one yet: it needs the domain in DNS first."""
    return settings.tls.mode == "acme" and not (Path(settings.directories.tls) / ORDERED).exists()


def judge(
    settings: Settings,
    certificate: x509.Certificate,
    *,
    trust: str | None,
    provisional: bool,
    now: datetime,
) -> Check:
    """Decide; `trust` says why clients do not trust it, None if they do."""
    if provisional and trust is not None:
        return warned(NAME, "provisional, until DNS is right", "chatmail dns --check")
    left = certificate.not_valid_after_utc - now
    if left <= timedelta():
        return failed(
            NAME, f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}", repair(settings)
        )
    if settings.tls.trusted and trust is not None:
        return failed(NAME, f"clients do not trust it: {trust}", repair(settings))
    missing = expected_names(settings) - _names(certificate)
    if missing:
        return failed(NAME, f"not valid for {', '.join(sorted(missing))}", repair(settings))
    if left < WARN_BEFORE:
        return warned(
            NAME, f"expires in {left.days} days; check why it is not renewed", repair(settings)
        )
    return ok(NAME, f"valid for {left.days} more days on all ports")


def repair(settings: Settings) -> str:
    """The command that makes a new certificate."""
    return renewal(settings.tls.mode, settings.domain)


def expected_names(settings: Settings) -> frozenset[str]:
    """The names it must be valid for; clients do not check those of a self-signed one."""
    if not settings.tls.trusted:
        return frozenset()
    domain = settings.domain
    return frozenset({domain, f"www.{domain}", f"mta-sts.{domain}"})


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(extension.value.get_values_for_type(x509.DNSName))


def _handshake(settings: Settings, port: int, context: ssl.SSLContext) -> bytes | None:
    with (
        socket.create_connection((HOST, port), timeout=DEADLINE_S) as connection,
        context.wrap_socket(connection, server_hostname=settings.domain) as tls,
    ):
        return tls.getpeercert(binary_form=True)


def _shown(settings: Settings, certificate: x509.Certificate, port: int) -> str | None:
    try:
        shown = _handshake(settings, port, unchecked())
    except OSError as error:
        return f"no TLS on port {port}: {error}"
    if shown is None or x509.load_der_x509_certificate(shown) != certificate:
        return f"port {port} shows another certificate than {settings.tls.certificate_file}"
    return None


def _trust(settings: Settings) -> str | None:
    try:
        _handshake(settings, settings.ports.imaps, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return str(error)
    return None
