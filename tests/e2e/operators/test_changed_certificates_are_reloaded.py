"""Every daemon serves a replaced certificate without restart and without closing connections."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import shlex
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import pytest
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import ANSWER_S, is_open, wait_for
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from imapclient import IMAPClient

SETTINGS = "/etc/chatmail/settings.json"
UNIT = "chatmail-certificate.service"
DAEMONS = ("postfix", "dovecot", "nginx")
# a unit that failed once and would start now
FAIL = """
drop=/run/systemd/system/{unit}.d
systemctl stop {unit}
mkdir -p $drop
printf '[Service]\\nExecStartPre=\\nExecStart=\\nExecStart=/bin/false\\n' >$drop/fail.conf
echo Restart=no >>$drop/fail.conf
systemctl daemon-reload
systemctl start {unit} || true
timeout 10 sh -c 'until systemctl is-failed {unit}; do true; done'
rm -r $drop
systemctl daemon-reload
"""
SMTP_PORTS, IMAP_PORT, TLS_PORTS = (25, 587), 143, (465, 993, 443)


class Pair(NamedTuple):
    """Certificate and key as PEM text."""

    certificate: str
    key: str


class Files:
    """The files in which the operator keeps certificate and key."""

    def __init__(self, machine: Machine) -> None:
        self._fronts = machine.fronts
        tls = json.loads(self._fronts[0].run("cat", SETTINGS))["tls"]
        if tls["mode"] != "files":
            pytest.skip("needs a relay whose certificate is given as files")
        named = self._fronts[0].run("systemctl", "show", "--property=Environment", "--value", UNIT)
        given = dict(word.split("=", 1) for word in shlex.split(named))
        self._certificate, self._key = given["CERTIFICATE"], given["KEY"]

    def read(self) -> Pair:
        """Return the current pair."""
        front = self._fronts[0]
        return Pair(front.run("cat", self._certificate), front.run("cat", self._key))

    def write(self, pair: Pair) -> None:
        """Replace both as ACME programs do: by rename, one after the other."""
        for path, text in ((self._key, pair.key), (self._certificate, pair.certificate)):
            replace = f"umask 077 && cat > {path}.new && mv {path}.new {path}"
            for front in self._fronts:
                front.run("sh", "-c", replace, stdin=text.encode())

    def remove(self) -> None:
        """Delete both, as before the first order of a certificate."""
        for front in self._fronts:
            front.run("rm", self._certificate, self._key)


@pytest.fixture
def files(machine: Machine, relay: str) -> Iterator[Files]:
    """The files; restored afterwards."""
    kept = Files(machine)
    usual = kept.read()
    yield kept
    kept.write(usual)
    wait_for(
        lambda: _served(relay) == {_fingerprint(usual)},
        "the usual certificate",
    )


@pytest.mark.disturbs
def test_a_new_certificate_is_served(
    files: Files, alice: Person, bob: Person, machine: Machine, relay: str
) -> None:
    """On all ports; open sessions continue, no daemon restarts."""
    alice.smtp.noop()
    running = machine.run("systemctl", "show", "--property=MainPID", *DAEMONS)
    new = _self_signed(relay)
    assert _fingerprint(new) not in _served(relay)

    files.write(new)

    expected = {_fingerprint(new)}
    wait_for(lambda: _served(relay) == expected, "the new certificate")
    assert running == machine.run("systemctl", "show", "--property=MainPID", *DAEMONS)
    alice.sends(bob, text="in sessions from before")
    assert bob.receives().text == "in sessions from before"


@pytest.mark.disturbs
def test_a_mismatched_pair_is_rejected(files: Files, machine: Machine, relay: str) -> None:
    """The old certificate stays; `chatmail status` shows why. Half a pair is rejected, too."""
    usual, new, other = files.read(), _self_signed(relay), _self_signed(relay)
    for wrong, said in (
        (Pair(new.certificate, other.key), "do not belong together"),
        (Pair("", other.key), "is empty"),
        (Pair(new.certificate, "no key\n"), "holds no private key"),
    ):
        files.write(wrong)

        wait_for(partial(_is_in_status, machine, said), said)
        machine.run("systemctl", "restart", "nginx", "dovecot")
        wait_for(partial(is_open, relay, *SMTP_PORTS, IMAP_PORT, *TLS_PORTS), "all ports")
        assert _served(relay) == {_fingerprint(usual)}

    files.write(new)

    expected = {_fingerprint(new)}
    wait_for(lambda: _served(relay) == expected, "the new certificate")
    assert "problem" not in machine.run("ls", "/var/lib/chatmail/tls")


@pytest.mark.disturbs
def test_a_later_certificate_replaces_the_provisional_one(
    files: Files, machine: Machine, relay: str
) -> None:
    """Services start with a provisional one; failed units start again."""
    usual = files.read()
    files.remove()
    machine.run("sh", "-c", "rm /var/lib/chatmail/tls/*.pem")
    machine.run("systemctl", "restart", *DAEMONS)
    provisional = _served(relay)
    assert len(provisional) == len(machine.fronts)  # each makes its own
    assert _fingerprint(usual) not in provisional
    assert "a provisional one is used" in machine.run("sh", "-c", "chatmail status || true")

    machine.run("sh", "-c", FAIL.format(unit="nginx.service"))
    files.write(usual)

    wait_for(lambda: _is_served(relay, usual), "the certificate")


def _is_in_status(machine: Machine, said: str) -> bool:
    return said in machine.run("sh", "-c", "chatmail status || true")


def _is_served(host: str, pair: Pair) -> bool:
    with contextlib.suppress(OSError):  # a daemon is still about to start
        return _served(host) == {_fingerprint(pair)}
    return False


def _served(relay: str) -> set[str]:
    """Return the fingerprints of the certificates of all ports, at all fronts."""
    found = socket.getaddrinfo(relay, None, socket.AF_INET, socket.SOCK_STREAM)
    return set().union(*(_served_at(str(end[0])) for *_, end in found))


def _served_at(host: str) -> set[str]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found: set[str] = set()
    with contextlib.ExitStack() as stack:
        for port in SMTP_PORTS:
            session = stack.enter_context(Smtp(host, port))
            session.starttls(context)
            found.add(hashlib.sha256(session.certificate).hexdigest())
        imap = IMAPClient(host, IMAP_PORT, ssl=False, timeout=ANSWER_S)
        stack.callback(imap.shutdown)
        imap.starttls(ssl_context=context)
        found.add(_fingerprint_of(imap.socket()))
        for port in TLS_PORTS:
            plain = socket.create_connection((host, port), timeout=ANSWER_S)
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
