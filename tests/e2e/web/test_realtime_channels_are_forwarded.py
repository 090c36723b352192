"""nginx forwards iroh requests on port 443 to the iroh relay beside it."""

from __future__ import annotations

import json
import socket

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import ANSWER_S
from chatmail_testkit.web.client import request
from conftest import PersonFactory

KEY = "/shared/vendor/deltachat/irohrelay"
UNIT = "iroh-relay"


def test_metadata_has_the_url(alice: Person) -> None:
    """Clients find the relay by METADATA."""
    assert alice.imap.get_metadata("", KEY)[KEY] == f"https://{alice.domain}"


def test_a_relay_without_a_trusted_certificate_has_none(
    new_credulous_person: PersonFactory, untrusted: str
) -> None:
    """Clients check the certificate."""
    person = new_credulous_person(untrusted)

    assert not person.imap.get_metadata("", KEY).get(KEY)


def test_requests_and_upgrades_are_forwarded(target: Target, relay: str) -> None:
    """Requests arrive unchanged; after an upgrade, bytes go both ways."""
    for path in ("/ping", "/relay"):
        answer = request(target, "GET", relay, path)
        assert (answer.status, json.loads(answer.body)) == (200, [path, "HTTP/1.1"])
    assert request(target, "GET", relay, "/generate_204").status == 204

    for protocol in ("websocket", "iroh derp http"):
        answers = _upgraded(target, relay, protocol, b"ping")
        assert answers.startswith(b"HTTP/1.1 101 ")
        assert f"\r\nupgrade: {protocol}\r\n".encode() in answers.lower()
        assert answers.endswith(b"\r\n\r\ngnip")


def test_the_unit_is_one_of_the_relay(machine: Machine) -> None:
    """The selftest asks it, and status and metrics look at it."""
    report = json.loads(machine.run("chatmail", "selftest", "--only", "realtime", "--json"))
    page = machine.run("curl", "-sS", "--fail", "http://127.0.0.1:8700/metrics")

    assert [check["verdict"] for check in report["checks"]] == ["ok"]
    assert f'chatmail_unit_up{{unit="{UNIT}"}} 1' in page


def _upgraded(target: Target, domain: str, protocol: str, sent: bytes) -> bytes:
    """Return all bytes of the answer."""
    host = target.host(domain)
    with (
        socket.create_connection((host, 443), timeout=ANSWER_S) as plain,
        target.tls().wrap_socket(plain, server_hostname=host) as connection,
        connection.makefile("rb") as answers,
    ):
        head = f"GET /relay HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: {protocol}"
        connection.sendall(f"{head}\r\n\r\n".encode() + sent)
        return answers.read()
