"""A server without TLS gets no mail; one configured domain is the exception."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.peers.plaintext_server import ClearServer, clear_server
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

pytestmark = pytest.mark.disturbs

WITHOUT_TLS, WITH_TLS = "nauta.cu", "client.test"  # the lab's DNS names the client for both
WITHIN_S = 60


@pytest.fixture
def server(machine: Machine) -> Iterator[ClearServer]:
    """A server on the client; its mail leaves the queue afterwards."""
    with clear_server() as listening:
        yield listening
    machine.run("postsuper", "-d", "ALL")


def test_mail_waits_for_tls(alice: Person, machine: Machine, server: ClearServer) -> None:
    """The message stays queued; the server sees no address."""
    # SMTP comes last, so the queue shows its error
    machine.run("systemctl", "restart", "chatmail-transport")
    alice.sends(f"somebody1@{WITH_TLS}")

    wait_for(
        lambda: "TLS is required" in " ".join(machine.queue().split()),
        "the message waits",
        within_s=WITHIN_S,
    )

    assert set(server.verbs) <= {b"EHLO", b"QUIT"}
    assert server.messages == []


def test_the_excepted_domain_gets_mail(alice: Person, server: ClearServer) -> None:
    """TLS is used if available; the mail is encrypted and signed as usual."""
    message = alice.sends(f"somebody1@{WITHOUT_TLS}")

    wait_for(lambda: server.messages, "the message", within_s=WITHIN_S)

    [received] = server.messages
    assert received.partition(b"\r\n\r\n")[2] == message.partition(b"\r\n\r\n")[2]
    assert b"DKIM-Signature: v=1; a=rsa-sha256;" in received
