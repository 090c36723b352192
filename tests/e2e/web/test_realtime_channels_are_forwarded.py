"""nginx forwards iroh requests on port 443 to the iroh relay beside it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request

KEY = "/shared/vendor/deltachat/irohrelay"
TIMEOUT_S = 20
UNIT = "stand-in-for-iroh"
# stands in for iroh-relay: returns the request, upgrades the connection on request
SERVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        wish = self.headers.get('Upgrade')
        self.send_response(101 if wish else 200)
        if wish:
            self.send_header('Upgrade', wish)
            self.send_header('Connection', self.headers['Connection'])
            self.end_headers()
            self.wfile.write(self.rfile.read(4)[::-1])
            self.close_connection = True
            return
        body = json.dumps([self.path, self.request_version]).encode()
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(('127.0.0.1', 3340), Handler).serve_forever()
"""


@pytest.fixture
def iroh(machine: Machine) -> Iterator[None]:
    """The stand-in; one test at a time, because it has one port."""
    machine.run("systemd-run", f"--unit={UNIT}", "--collect", "python3", "-c", SERVER)
    wait_for(lambda: machine.run("ss", "-Hltn", "sport = :3340"), "a listener", within_s=10)
    yield
    machine.stop(UNIT)


def test_metadata_has_the_url(alice: Person) -> None:
    """Clients find the relay by METADATA."""
    assert alice.imap.get_metadata("", KEY)[KEY] == f"https://{alice.domain}"


@pytest.mark.usefixtures("iroh")
def test_requests_and_upgrades_are_forwarded(target: Target, relay: str) -> None:
    """Requests arrive unchanged; after an upgrade, bytes go both ways."""
    for path in ("/ping", "/generate_204", "/relay"):
        answer = request(target, "GET", relay, path)
        assert (answer.status, json.loads(answer.body)) == (200, [path, "HTTP/1.1"])

    for protocol in ("websocket", "iroh derp http"):
        answers = _upgraded(target, relay, protocol, b"ping")
        assert answers.startswith(b"HTTP/1.1 101 ")
        assert f"\r\nupgrade: {protocol}\r\n".encode() in answers.lower()
        assert answers.endswith(b"\r\n\r\ngnip")


def _upgraded(target: Target, domain: str, protocol: str, sent: bytes) -> bytes:
    """Return all bytes of the answer."""
    host = target.host(domain)
    with (
        socket.create_connection((host, 443), timeout=TIMEOUT_S) as plain,
        target.tls().wrap_socket(plain, server_hostname=host) as connection,
        connection.makefile("rb") as answers,
    ):
        head = f"GET /relay HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: {protocol}"
        connection.sendall(f"{head}\r\n\r\n".encode() + sent)
        return answers.read()
