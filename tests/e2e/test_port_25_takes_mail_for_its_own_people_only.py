"""Other servers reach the people of this relay, under TLS, and nobody else through it."""

from __future__ import annotations

import smtplib

import pytest
from support import smtp
from support.peer import Peer
from support.person import Person
from support.target import Target, new_name


def test_unknown_recipient(peer: Peer, alice: Person, other_relay: str) -> None:
    """Refused at RCPT, so that the sender's own server can tell them."""
    reply = peer.delivers(b"", f"{new_name()}@{other_relay}", mail_from=alice.address)

    assert (reply.code, reply.text.split()[0]) == (550, "5.1.1")


def test_without_starttls(target: Target, alice: Person, carol: Person) -> None:
    """Nothing is taken in clear text: not a sender, not a recipient, not a message."""
    with smtp.port_25(target, carol.domain, starttls=False) as session:
        session.ehlo()
        codes = [
            session.docmd(*command)[0]
            for command in (
                ("MAIL", f"FROM:<{alice.address}>"),
                ("RCPT", f"TO:<{carol.address}>"),
                ("DATA",),
            )
        ]

    assert codes == [450, 503, 503]


OPEN_RELAY_ATTEMPTS = [
    "{name}@example.org",
    "{name}%example.org@{relay}",
    "{name}@example.org@{relay}",
    "@{relay}:{name}@example.org",
    "example.org!{name}",
    "example.org!{name}@{relay}",
    '"{name}@example.org"',
    '"{name}@example.org"@{relay}',
    '"{name}%example.org"@{relay}',
    "{name}@[192.0.2.99]",
    "{name}@sub.{relay}",
    "{name}@{relay}.example.org",
    "{name}@localhost",
    "{name}",
    "root",
    "postmaster@localhost",
    "root@{relay}",
    "vmail@{relay}",
    "abuse@{relay}",
    "{name}@example.org.",
    "@{relay},@other.test:{name}@example.org",
    '"{name}\\\\@example.org"@{relay}',
    "{name}@[IPv6:2001:db8::99]",
    "{name}@[{relay}]",
    "{name}@192.0.2.99",
    "{name}@{relay}:25",
    "{name};x@example.org",
    "{name}@example.org,{name}@{relay}",
    "|{name}@{relay}",
    "/{name}@{relay}",
]


@pytest.mark.parametrize("form", OPEN_RELAY_ATTEMPTS)
def test_foreign_recipient(form: str, target: Target, other_relay: str, alice: Person) -> None:
    """No way of writing an address makes the relay pass mail on."""
    recipient = form.format(name=new_name(), relay=other_relay)
    with smtp.port_25(target, other_relay) as session:
        session.docmd("MAIL", f"FROM:<{alice.address}>")

        code, _ = session.docmd("RCPT", f"TO:<{recipient}>")

    assert 500 <= code < 600


@pytest.mark.parametrize("sender", ["{carol}", "postmaster@{relay}", "root@localhost", ""])
def test_foreign_recipient_with_a_sender_of_the_house(
    sender: str, target: Target, other_relay: str, carol: Person
) -> None:
    """A sender of the relay's own domain earns no trust."""
    with smtp.port_25(target, other_relay) as session:
        session.docmd("MAIL", f"FROM:<{sender.format(carol=carol.address, relay=other_relay)}>")

        code, _ = session.docmd("RCPT", "TO:<somebody@example.org>")

    assert 500 <= code < 600


def test_no_login(target: Target, relay: str) -> None:
    """Port 25 offers no login, before and after STARTTLS."""
    with smtp.port_25(target, relay, starttls=False) as session:
        session.ehlo()
        assert not session.has_extn("auth")
        session.starttls(context=target.tls())
        session.ehlo()

        assert not session.has_extn("auth")


@pytest.mark.parametrize("port", [465, 587])
def test_submission_without_login(port: int, target: Target, relay: str, bob: Person) -> None:
    """Nobody submits without a password."""
    context, host = target.tls(), target.host(relay)
    session: smtplib.SMTP
    if port == 465:
        session = smtplib.SMTP_SSL(host, port, smtp.HELLO, timeout=smtp.TIMEOUT_S, context=context)
    else:
        session = smtplib.SMTP(host, port, smtp.HELLO, timeout=smtp.TIMEOUT_S)
    with smtp.closing(session):
        if port == 587:
            session.starttls(context=context)
        reply = smtp.transaction(session, bob.address, [bob.address], bob.writes(bob))

    assert 500 <= reply.code < 600
