"""Rules for domains are in force at once, in both directions, at every entrance."""

from __future__ import annotations

import os
import re
import secrets
import ssl
from collections.abc import Callable, Iterator

import pytest
from chatmail_testkit.mail import messages, sessions
from chatmail_testkit.mail.reply import Reply, transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Letter, Person
from chatmail_testkit.relays.target import CommandFailedError, Machine, Target
from chatmail_testkit.waiting import GIVEN_UP_S, wait_for
from chatmail_testkit.web.client import request

pytestmark = pytest.mark.disturbs

FILE = "/var/lib/chatmail/operator/domains.json"
REASON = "Mail to and from this domain is blocked by the operator of this relay"
BLOCKED = Reply(550, f"5.7.1 {REASON}")
LATER = Reply(451, "4.3.5 The rules for domains cannot be read now, try again later")
METRICS = "http://127.0.0.1:8700/metrics"
UNITS = ("chatmail-filter", "chatmail-transport", "postfix")
# its mail has a route of its own, with SMTP alone
WITHOUT_HTTPS = "nauta.cu"
# a refusal over HTTPS, then one over SMTP

Domains = Callable[..., str]


@pytest.fixture
def domains(other_machine: Machine) -> Iterator[Domains]:
    """Run `chatmail domains` at Carol's relay; afterwards it has no rules."""

    def run(*arguments: str) -> str:
        return other_machine.run("chatmail", "domains", *arguments)

    yield run
    other_machine.run("rm", "-f", FILE)


def _refusals(machine: Machine, ingress: str) -> float:
    """Replies because of a rule, as Prometheus reads them."""
    labels = f'ingress="{ingress}",kind="permanent",reason="domain blocked"'
    text = machine.run("curl", "--silent", METRICS)
    found = re.search(rf"^chatmail_refusals_total{{{labels}}} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


def _posts(peer: Peer, message: bytes, recipient: Person, sender: str) -> tuple[int, bytes]:
    headers = [("X-MAIL-TO", recipient.address), ("X-MAIL-FROM", sender)]
    answer = request(
        peer.target, "POST", recipient.domain, "/mxdeliv", headers=headers, body=message
    )
    return answer.status, answer.body.strip()


def _at_587(target: Target, person: Person, message: bytes, *recipients: str) -> Reply:
    with sessions.port_587(target, person.domain) as session:
        session.starttls(target.tls())
        session.login(person.address, person.password)
        return transaction(session, person.address, recipients, message)


def _at_443(target: Target, person: Person, message: bytes, *recipients: str) -> Reply:
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    context.set_alpn_protocols(["smtp"])
    with Smtp(target.host(person.domain), 443, tls=context) as session:
        session.ehlo()
        session.login(person.address, person.password)
        return transaction(session, person.address, recipients, message)


def test_nothing_comes_in(
    domains: Domains, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Whether envelope, author or both are at the domain; without a restart of any unit."""
    message = peer.signs(alice.writes(carol, text="hello again"))
    started = other_machine.run("systemctl", "show", "--property=MainPID", *UNITS)
    before = {ingress: _refusals(other_machine, ingress) for ingress in ("smtp", "https")}

    assert f"blocked  {alice.domain}  (set by command)" in domains("block", alice.domain.upper())

    for sender in (alice.address, f"bounces@x.{alice.domain}", "", "list@example.net"):
        assert peer.delivers(message, carol, mail_from=sender) == BLOCKED
    for sender in (alice.address, "list@example.net"):
        assert _posts(peer, message, carol, sender) == (400, f"550 {BLOCKED.text}".encode())
    # a forwarder there, with mail of another author
    other = messages.plain("eve@example.net", [carol.address])
    assert peer.delivers(other, carol, mail_from=alice.address) == BLOCKED
    # the own domain has no rule: this mail lacks a signature
    own = messages.plain(carol.address, [carol.address])
    assert peer.delivers(own, carol, mail_from=carol.address).code == 523

    # the real relay of Alice gives up at once
    alice.sends(carol)
    assert REASON in _flat(alice.receives())

    domains("remove", alice.domain)
    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives().text == "hello again"
    assert started == other_machine.run("systemctl", "show", "--property=MainPID", *UNITS)
    wait_for(
        lambda: (
            _refusals(other_machine, "smtp") - before["smtp"] >= 6
            and _refusals(other_machine, "https") - before["https"] >= 3
        ),
        "the numbers of refusals",
    )


def test_nothing_goes_out(
    domains: Domains, target: Target, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """At every port of submission; the other members of a group get their copy."""
    domains("block", alice.domain, WITHOUT_HTTPS)
    message = carol.writes(alice)
    refused = Reply(550, f"5.7.1 <{alice.address}>: {REASON}")

    assert carol.submits(message, alice) == refused
    assert _at_587(target, carol, message, alice.address) == refused
    assert _at_443(target, carol, message, alice.address) == refused

    carol.sends(alice, carol, f"somebody1@{WITHOUT_HTTPS}", text="to a group")
    arrived = [carol.receives() for _ in range(2)]
    (bounce,) = (_flat(letter) for letter in arrived if REASON in _flat(letter))
    assert f"<{alice.address}>: {REASON}" in bounce
    assert f"<somebody1@{WITHOUT_HTTPS}>: {REASON}" in bounce
    assert "Status: 5.7.1" in bounce


@pytest.fixture
def silent_domain(other_machine: Machine) -> Iterator[str]:
    """A domain whose host accepts no connection; afterwards no mail waits for it."""
    domain = f"{secrets.token_hex(6)}.trap.test"
    yield domain
    other_machine.run("chatmail", "queue", "drop", domain, "--yes")


def test_waiting_mail_is_returned(
    domains: Domains, carol: Person, other_machine: Machine, silent_domain: str
) -> None:
    """At its next try."""
    blocked = f"other.{silent_domain}"
    carol.sends(f"nobody@{silent_domain}")
    carol.sends(f"nobody@{blocked}")

    def waiting() -> bool:
        return other_machine.run("postqueue", "-p").count("Connection refused") >= 2

    wait_for(waiting, "mail that waits")
    domains("block", blocked)

    def returned() -> bool:
        other_machine.run("postqueue", "-f")
        return bool(carol.inbox())

    # Postfix keeps the last route for half a minute
    wait_for(returned, "the returned message", within_s=GIVEN_UP_S)

    assert f"<nobody@{blocked}>: {REASON}" in _flat(carol.inbox()[0])
    queued = other_machine.run("chatmail", "queue")
    assert (blocked in queued, silent_domain in queued) == (False, True)


def test_only_some_domains(domains: Domains, peer: Peer, alice: Person, carol: Person) -> None:
    """All others are blocked, until one is allowed as well."""
    message = peer.signs(alice.writes(carol, text="allowed"))
    domains("only", "example.net")
    assert peer.delivers(message, carol, mail_from=alice.address) == BLOCKED
    assert carol.submits(carol.writes(alice), alice).code == 550
    carol.sends(carol, text="to myself")
    assert carol.receives().text == "to myself"
    with pytest.raises(CommandFailedError):
        domains("check", alice.domain)

    domains("only", alice.domain)

    assert "allowed by the rule" in domains("check", alice.domain)
    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives().text == "allowed"
    carol.sends(alice, text="and back")
    assert alice.receives().text == "and back"


def test_in_doubt_mail_waits(
    domains: Domains, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """While the rules cannot be read; mail within the relay goes on."""
    message = peer.signs(alice.writes(carol))
    other_machine.run("tee", FILE, stdin=b"{")

    for reply in (
        peer.delivers(message, carol, mail_from=alice.address),
        carol.submits(carol.writes(alice), alice),
    ):
        assert reply == LATER
    assert _posts(peer, message, carol, alice.address)[0] == 503
    carol.sends(carol, text="to myself")
    assert carol.receives().text == "to myself"
    with pytest.raises(CommandFailedError, match="cannot be used"):
        domains("block", "example.net")

    # a file that root alone can read
    other_machine.run("sh", "-c", f"umask 077; rm {FILE}; echo '{{}}' >{FILE}")
    assert peer.delivers(message, carol, mail_from=alice.address) == LATER
    with pytest.raises(CommandFailedError, match="cannot be used: Permission denied"):
        other_machine.run("chatmail", "status")
    domains("block", "example.net")
    assert peer.delivers(message, carol, mail_from=alice.address).code == 250


def _flat(letter: Letter) -> str:
    return re.sub(r"\s+", " ", letter.raw.decode(errors="replace"))
