"""A certificate that is replaced on disk is served by every daemon, and nobody is cut off."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import smtplib
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from imapclient import IMAPClient
from support import smtp
from support.person import Person
from support.target import Machine
from support.waiting import wait_for

SETTINGS = "/etc/chatmail/settings.json"
DAEMONS = ("postfix", "dovecot", "nginx")
WITHIN_S = 30
SMTP_PORTS, IMAP_PORT, TLS_PORTS = (25, 587), 143, (465, 993, 443)


class Pair(NamedTuple):
    """PEM texts."""

    certificate: str
    key: str


class Files:
    """Where the relay's operator keeps the pair."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        tls = json.loads(machine.run("cat", SETTINGS))["tls"]
        if tls["mode"] != "files":
            pytest.skip("needs a relay whose certificate is given as files")
        self._certificate, self._key = tls["certificateFile"], tls["keyFile"]

    def read(self) -> Pair:
        """What is there."""
        return Pair(
            self._machine.run("cat", self._certificate), self._machine.run("cat", self._key)
        )

    def write(self, pair: Pair) -> None:
        """Replaces both as ACME programs do: by renaming, owner and mode kept."""
        for path, text in ((self._key, pair.key), (self._certificate, pair.certificate)):
            keep = f"cp -p {path} {path}.new && cat > {path}.new && mv {path}.new {path}"
            self._machine.run("sh", "-c", keep, stdin=text.encode())


@pytest.fixture
def files(machine: Machine, relay: str) -> Iterator[Files]:
    """The files, as they were afterwards."""
    kept = Files(machine)
    usual = kept.read()
    yield kept
    kept.write(usual)
    wait_for(
        lambda: _served(relay) == {_fingerprint(usual)}, "the usual certificate", within_s=WITHIN_S
    )


@pytest.mark.disturbs
@pytest.mark.timeout(120)
def test_replaced(files: Files, alice: Person, bob: Person, machine: Machine, relay: str) -> None:
    """On all ports; sessions from before go on, and the daemons are the same processes."""
    alice.smtp.noop()
    running = machine.run("systemctl", "show", "--property=MainPID", *DAEMONS)
    new = _self_signed(relay)
    assert _fingerprint(new) not in _served(relay)

    files.write(new)

    expected = {_fingerprint(new)}
    wait_for(lambda: _served(relay) == expected, "the new certificate", within_s=WITHIN_S)
    assert running == machine.run("systemctl", "show", "--property=MainPID", *DAEMONS)
    alice.sends(bob, text="in sessions from before")
    assert bob.receives().text == "in sessions from before"


def _served(host: str) -> set[str]:
    """Returns the fingerprints of the certificates of all ports."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found: set[str] = set()
    with contextlib.ExitStack() as stack:
        for port in SMTP_PORTS:
            session = smtplib.SMTP(host, port, smtp.HELLO, timeout=smtp.TIMEOUT_S)
            stack.enter_context(smtp.closing(session))
            session.starttls(context=context)
            found.add(_fingerprint_of(session.sock))
        imap = IMAPClient(host, IMAP_PORT, ssl=False, timeout=smtp.TIMEOUT_S)
        stack.callback(imap.shutdown)
        imap.starttls(ssl_context=context)
        found.add(_fingerprint_of(imap.socket()))
        for port in TLS_PORTS:
            plain = socket.create_connection((host, port), timeout=smtp.TIMEOUT_S)
            found.add(
                _fingerprint_of(
                    stack.enter_context(context.wrap_socket(plain, server_hostname=host))
                )
            )
    return found


def _fingerprint_of(session: socket.socket | None) -> str:
    assert isinstance(session, ssl.SSLSocket)
    return hashlib.sha256(session.getpeercert(binary_form=True) or b"").hexdigest()


def _fingerprint(pair: Pair) -> str:
    der = ssl.PEM_cert_to_DER_cert(pair.certificate[: pair.certificate.index("-----END")] + _END)
    return hashlib.sha256(der).hexdigest()


_END = "-----END CERTIFICATE-----\n"


def _self_signed(domain: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        x509.random_serial_number(),
        now - datetime.timedelta(minutes=1),
        now + datetime.timedelta(days=1),
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return Pair(public.decode(), private.decode())
