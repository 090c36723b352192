"""Mail of a domain literal must come from that IP address, over SMTP and HTTPS.

It has no DNS name and so no key: the client's IP address is the only proof.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from chatmail_testkit.mail import messages, openpgp, sessions
from chatmail_testkit.mail.reply import Reply
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Target
from chatmail_testkit.web.client import request

REFUSED = "5.7.1 Mail of a domain literal is taken from its own IP address only"
STATUS = (
    "Reporting-MTA: dns; x\r\n\r\n"
    "Final-Recipient: rfc822; x@y.test\r\nAction: failed\r\nStatus: 5.1.1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """IP addresses of the machine that the suite runs on, as its peers see them."""

    ipv4: str
    ipv6: str


@pytest.fixture
def own(target: Target, carol: Person) -> Addresses:
    """The IP addresses from which Carol's relay is reached."""
    return Addresses(
        ipv4=_towards(target.host(carol.domain), socket.AF_INET),
        ipv6=_towards(target.host(carol.domain), socket.AF_INET6),
    )


def _towards(host: str, family: socket.AddressFamily) -> str:
    [*_, where] = socket.getaddrinfo(host, 25, family)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(where)
        address: str = probe.getsockname()[0]
    return address


def _by_smtp(peer: Peer, message: bytes, recipient: Person, mail_from: str, client: str) -> Reply:
    return peer.delivers(message, recipient, mail_from=mail_from, client=client)


def _by_https(
    peer: Peer,
    message: bytes,
    recipient: Person,
    mail_from: str,
    client: str,
    more: Iterable[tuple[str, str]] = (),
) -> Reply:
    headers = [("X-MAIL-FROM", mail_from), ("X-MAIL-TO", recipient.address), *more]
    answer = request(
        peer.target,
        "POST",
        recipient.domain,
        "/mxdeliv",
        headers=headers,
        body=message,
        client=client,
    )
    return Reply(int(answer.body[:3]), answer.body[4:].decode())


Way = Callable[[Peer, bytes, Person, str, str], Reply]
WAYS = pytest.mark.parametrize("way", [_by_smtp, _by_https], ids=["SMTP", "HTTPS"])


def _letter(author: str, recipient: Person, text: str = "hello") -> bytes:
    armored = openpgp.armor(openpgp.encrypt(text.encode(), [recipient.key.public_key()]))
    return messages.encrypted(author, [recipient.address], armored)


def _report(author: str, recipient: Person) -> bytes:
    parts = [("text/plain", "Sorry."), ("message/delivery-status", STATUS)]
    return messages.multipart(
        author, [recipient.address], "report; report-type=delivery-status", parts
    )


@WAYS
@pytest.mark.parametrize("kind", ["ipv4", "ipv6"])
def test_mail_from_its_own_ip_address_arrives(
    way: Way, kind: str, peer: Peer, carol: Person, own: Addresses
) -> None:
    """It arrives without a signature."""
    client = getattr(own, kind)
    eve = f"eve@[{client}]" if kind == "ipv4" else f"eve@[IPv6:{client}]"

    reply = way(peer, _letter(eve, carol, kind), carol, eve, client)

    assert reply.code == 250, reply.text
    assert carol.receives().text == kind


@WAYS
@pytest.mark.parametrize("kind", ["letter", "report"])
def test_mail_from_another_ip_address_is_refused(
    way: Way, kind: str, peer: Peer, carol: Person, own: Addresses
) -> None:
    """Message or report, with any envelope sender and any domain literal."""
    not_the_client = f"IPv6:{own.ipv6}"
    for literal in ("198.51.100.7", "127.0.0.1", "IPv6:::1", not_the_client, "x"):
        author = f"mailer-daemon@[{literal}]"
        message = _report(author, carol) if kind == "report" else _letter(author, carol)
        for mail_from in ("", "eve@a.test"):
            reply = way(peer, message, carol, mail_from, own.ipv4)
            # only a null sender makes it a report
            code = 523 if kind == "report" and mail_from else 554
            assert (code, code == 554) == (reply.code, reply.text == REFUSED), reply
        assert way(peer, message, carol, author, own.ipv4).code in {501, 523, 554}


@WAYS
def test_delivery_reports_arrive(way: Way, peer: Peer, carol: Person, own: Addresses) -> None:
    """A relay at an IP address sends delivery reports, too."""
    daemon = f"MAILER-DAEMON@[{own.ipv4}]"

    reply = way(peer, _report(daemon, carol), carol, "", own.ipv4)

    assert reply.code == 250, reply.text
    assert carol.receives().headers.get_content_type() == "multipart/report"


@pytest.mark.parametrize("name", ["X-Real-IP", "x-real-ip", "X_Real_IP", "X-Forwarded-For"])
def test_client_headers_are_ignored(name: str, peer: Peer, carol: Person, own: Addresses) -> None:
    """Only the IP address that the web server saw counts."""
    eve = "eve@[198.51.100.7]"
    told = [(name, "198.51.100.7")]

    reply = _by_https(peer, _letter(eve, carol), carol, eve, own.ipv4, told)

    assert (reply.code, reply.text) == (554, REFUSED)


def test_each_message_needs_its_own_proof(peer: Peer, carol: Person, own: Addresses) -> None:
    """The next message over the same session is checked again."""
    eve = f"eve@[{own.ipv4}]"
    for number in range(3):
        good = _letter(eve, carol, f"good {number}")
        assert _by_https(peer, good, carol, eve, own.ipv4).code == 250
        assert carol.receives().text == f"good {number}"
        for mail_from, client in ((eve, own.ipv6), ("", own.ipv6), ("eve@a.test", own.ipv4)):
            bad = _letter(eve, carol)
            assert _by_https(peer, bad, carol, mail_from, client).text == REFUSED


def test_xclient_is_refused(target: Target, carol: Person) -> None:
    """Only the HTTPS gateway may use XCLIENT."""
    with sessions.port_25(target, carol.domain) as session:
        assert "xclient" not in session.extensions
        assert session.command("XCLIENT ADDR=198.51.100.7").code >= 500
    with sessions.submission(target, carol.domain, carol.address, carol.password) as session:
        assert "xclient" not in session.extensions
        assert session.command("XCLIENT ADDR=198.51.100.7").code >= 500
