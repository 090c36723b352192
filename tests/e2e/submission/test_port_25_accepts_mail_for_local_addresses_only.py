"""Port 25 accepts mail for local addresses only, and only under TLS."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target


def test_unknown_recipients_are_refused(peer: Peer, alice: Person, other_relay: str) -> None:
    """At RCPT, so that the sending server creates the bounce."""
    reply = peer.delivers(b"", f"{new_name()}@{other_relay}", mail_from=alice.address)

    assert (reply.code, reply.text.split()[0]) == (550, "5.1.1")


def test_clear_text_is_refused(target: Target, alice: Person, carol: Person) -> None:
    """No sender, recipient or message is accepted before STARTTLS."""
    with sessions.port_25(target, carol.domain, starttls=False) as session:
        session.ehlo()
        codes = [
            session.command(command).code
            for command in (f"MAIL FROM:<{alice.address}>", f"RCPT TO:<{carol.address}>", "DATA")
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
def test_foreign_recipients_are_refused(
    form: str, target: Target, other_relay: str, alice: Person
) -> None:
    """Every spelling of a remote address is refused."""
    recipient = form.format(name=new_name(), relay=other_relay)
    with sessions.port_25(target, other_relay) as session:
        session.command(f"MAIL FROM:<{alice.address}>")

        reply = session.command(f"RCPT TO:<{recipient}>")

    assert 500 <= reply.code < 600


@pytest.mark.parametrize("sender", ["{carol}", "postmaster@{relay}", "root@localhost", ""])
def test_a_local_sender_does_not_help(
    sender: str, target: Target, other_relay: str, carol: Person
) -> None:
    """Remote recipients are refused for local senders, too."""
    with sessions.port_25(target, other_relay) as session:
        session.command(f"MAIL FROM:<{sender.format(carol=carol.address, relay=other_relay)}>")

        reply = session.command("RCPT TO:<somebody@example.org>")

    assert 500 <= reply.code < 600


def test_there_is_no_login(target: Target, relay: str) -> None:
    """Port 25 offers no AUTH, before and after STARTTLS."""
    with sessions.port_25(target, relay, starttls=False) as session:
        session.ehlo()
        assert "auth" not in session.extensions
        session.starttls(context=target.tls())
        session.ehlo()

        assert "auth" not in session.extensions


@pytest.mark.parametrize("port", [465, 587])
def test_submission_requires_login(port: int, target: Target, relay: str, bob: Person) -> None:
    """Ports 465 and 587 accept no mail before AUTH."""
    way = sessions.stranger if port == 465 else sessions.port_587
    with way(target, relay) as session:
        if port == 587:
            session.starttls(target.tls())
        reply = transaction(session, bob.address, [bob.address], bob.writes(bob))

    assert 500 <= reply.code < 600
