"""Relays at an IP address or at a name that begins with `_` use a self-signed certificate.

No authority issues certificates for them. TLS is required, but the certificate is not checked.
"""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.filling import fill
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import GIVEN_UP_S, wait_for
from chatmail_testkit.web.client import Answer, request
from conftest import PersonFactory
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

ADDRESS, NAME_OF_THE_ADDRESS = (
    "192.0.2.77",
    "relay77.test",
)  # the certificate holds the IP address only
SMTP, HTTPS = 25, 443


@pytest.fixture(params=["name", "address"])
def untrusted(request: pytest.FixtureRequest) -> str:
    """Host name or IP address of such a relay."""
    option: str = request.config.getoption("--untrusted")
    for domain in filter(None, option.split(",")):
        if domain.startswith("_") == (request.param == "name"):
            return domain
    pytest.skip(f"needs a relay that signs its own certificate: --untrusted ({request.param})")


@pytest.fixture
def mail_domain(untrusted: str) -> str:
    """The part behind the @ (RFC 5321 section 4.1.3)."""
    return untrusted if untrusted.startswith("_") else f"[{untrusted}]"


@pytest.fixture
def eve(credulous: Target, mail_domain: str, new_credulous_person: PersonFactory) -> Person:
    """A user of that relay."""
    person = new_credulous_person(mail_domain)
    person.imap.noop()
    return person


def _asked(credulous: Target, untrusted: str, method: str) -> Answer:
    return request(credulous, method, untrusted, "/new")


def test_mail_arrives_both_ways(alice: Person, eve: Person) -> None:
    """As between any two relays."""
    alice.sends(eve, text="there")
    assert eve.receives().text == "there"

    eve.sends(alice, text="and back")
    assert alice.receives().text == "and back"


def test_a_bounce_arrives(alice: Person, eve: Person, credulous: Target, untrusted: str) -> None:
    """In clear text, with a valid proof of origin."""
    inside = credulous.machine(untrusted)
    assert inside is not None
    fill(eve, inside, 1, 600_000_000, stored_s=time.time())

    alice.sends(eve)

    bounce = alice.receives().headers
    assert bounce.get_content_type() == "multipart/report"
    assert f"mailer-daemon@{eve.domain}" in bounce["From"].lower()
    assert b"5.2.2" in bounce.as_bytes()


@pytest.mark.disturbs
@pytest.mark.parametrize("port", [SMTP, HTTPS])
def test_mail_arrives_over_https_or_smtp(
    port: int, alice: Person, eve: Person, machine: Machine
) -> None:
    """Neither needs a trusted certificate."""
    with closed(machine, port):
        alice.sends(eve, text="there")
        assert eve.receives(within_s=GIVEN_UP_S).text == "there"
        eve.sends(alice, text="and back")
        assert alice.receives(within_s=GIVEN_UP_S).text == "and back"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_new_returns_a_login_link(
    method: str,
    credulous: Target,
    untrusted: str,
    mail_domain: str,
    new_credulous_person: PersonFactory,
) -> None:
    """As `dclogin:` link, because clients cannot query a server without a trusted certificate."""
    answer = _asked(credulous, untrusted, method)
    given = json.loads(answer.body)
    link = urlsplit(given["dclogin_url"])
    fields = {key: value for key, [value] in parse_qs(link.query).items()}

    assert (answer.status, link.scheme) == (200, "dclogin")
    assert unquote(link.path) == given["email"]
    assert given["email"].endswith(f"@{mail_domain}")
    hosts = {} if untrusted.startswith("_") else {"ih": untrusted, "sh": untrusted}
    assert fields == {"p": given["password"], "v": "1", "ic": "3"} | hosts

    person = new_credulous_person(mail_domain)
    person.name, person.password = given["email"].split("@")[0], given["password"]
    person.imap.noop()


def test_the_certificate_fits_its_use(untrusted: str) -> None:
    """Its names, P-256, valid for 100 years, for servers and clients, not a CA."""
    certificate = _certificate_of(untrusted)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    key = certificate.public_key()

    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert not basic.ca
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc > datetime.timedelta(
        days=36000
    )
    expected = [f"{prefix}{untrusted}" for prefix in ("", "www.", "mta-sts.")]
    if not untrusted.startswith("_"):
        expected = [untrusted]
    assert [str(name.value) for name in names] == expected


@pytest.mark.disturbs
def test_an_ordinary_name_is_checked(
    alice: Person, machine: Machine, request: pytest.FixtureRequest
) -> None:
    """A self-signed certificate for an ordinary name is refused."""
    if ADDRESS not in request.config.getoption("--untrusted"):
        pytest.skip(f"needs a relay at {ADDRESS}")
    # SMTP comes last, so the queue shows its error
    machine.run("systemctl", "restart", "chatmail-transport")
    alice.sends(f"somebody1@{NAME_OF_THE_ADDRESS}")
    try:
        wait_for(
            lambda: "not verified" in machine.queue(), "the message waits", within_s=GIVEN_UP_S
        )
        assert NAME_OF_THE_ADDRESS in machine.queue()
    finally:
        machine.run("postsuper", "-d", "ALL")


def _certificate_of(host: str) -> x509.Certificate:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, 993), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as session,
    ):
        der = session.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)
