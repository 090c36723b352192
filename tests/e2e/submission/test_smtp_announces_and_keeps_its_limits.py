"""SMTP announces its extensions and limits, and keeps them."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import sessions
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target

MAX_MESSAGE_BYTES = 31457280
MAX_RECIPIENTS = 1000


def test_extensions_are_announced(alice: Person) -> None:
    """SIZE (RFC 1870), 8BITMIME (RFC 6152), PIPELINING (RFC 2920)."""
    alice.smtp.ehlo()

    features = alice.smtp.extensions

    assert str(MAX_MESSAGE_BYTES) == features["size"]
    assert {"8bitmime", "pipelining"} <= features.keys()


def test_a_declared_size_above_the_limit_is_refused(alice: Person) -> None:
    """Before the message is sent."""
    reply = alice.smtp.command(f"MAIL FROM:<{alice.address}> SIZE={MAX_MESSAGE_BYTES + 1}")

    assert reply.code == 552


def test_an_undeclared_size_above_the_limit_is_refused(alice: Person, bob: Person) -> None:
    """After the message was sent."""
    message = alice.writes(bob, text="x" * (MAX_MESSAGE_BYTES * 3 // 4))
    assert len(message) > MAX_MESSAGE_BYTES

    reply = alice.submits(message, bob)

    assert (reply.code, reply.text.split()[0]) == (552, "5.3.4")


def test_a_thousand_recipients_are_accepted(alice: Person) -> None:
    """The limit that METADATA shows to clients."""
    session = alice.smtp
    session.command(f"MAIL FROM:<{alice.address}>")
    to = [f"TO:<group{number}@{alice.domain}>" for number in range(MAX_RECIPIENTS + 1)]

    codes = [session.command(f"RCPT {recipient}").code for recipient in to]

    session.command("RSET")
    assert codes == [250] * MAX_RECIPIENTS + [452]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("laptop.example", 250),
        ("[192.0.2.1]", 250),
        ("[IPv6:2001:db8::1]", 250),
        ("[IPv6:2001:db8:1:2:3:4:5:6]", 250),
        ("[IPv6:::ffff:192.0.2.1]", 250),
        ("my_laptop.example.", 250),
        ("laptop", 504),
        ("192.0.2.1", 504),
        ("bad_name!", 501),
        ("[192.0.2.300]", 501),
        # Postfix takes it for an address
        ("[IPv6:2001:db8:1]", 554),
        ("two words.example", 501),
    ],
)
def test_ehlo_names_are_checked(name: str, code: int, target: Target, relay: str) -> None:
    """A full host name or an address literal (RFC 5321 section 4.1.3)."""
    with Smtp(target.host(relay), sessions.SUBMISSIONS, tls=target.tls()) as session:
        assert session.ehlo(name).code == code


@pytest.mark.parametrize(("port", "answer"), [(25, 252), (587, 554)])
def test_vrfy_reveals_no_address(port: int, answer: int, target: Target, alice: Person) -> None:
    """Without login (RFC 5321 section 7.3)."""
    with Smtp(target.host(alice.domain), port) as session:
        session.starttls(target.tls())

        _verify_all(session, alice, answer)


def test_vrfy_reveals_no_address_after_login(alice: Person) -> None:
    """The reply is the same for every address."""
    _verify_all(alice.smtp, alice, 252)


def _verify_all(session: Smtp, alice: Person, answer: int) -> None:
    asked = [alice.address, f"{new_name()}@{alice.domain}", alice.name, new_name()]
    replies = {session.command(f"VRFY {who}").code for who in asked}
    expansions = {session.command(f"EXPN {who}").code for who in asked}

    assert replies == {answer}
    assert 250 not in expansions
