"""A message that waits for another server says nothing about the client that submitted it."""

from __future__ import annotations

import contextlib
import re
import secrets
import ssl
import subprocess
from collections.abc import Iterator

import pytest
from chatmail_testkit.mail.reply import OK, transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import lost
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for

# nobody has it
DOWN = "192.0.2.209"
# addresses of the client that no other scenario uses
SOURCES = {"ipv4": "192.0.2.231", "ipv6": "2001:db8::e1"}
PLACES = ("/var/lib/postfix", "/var/spool", "/var/log", "/var/lib/chatmail", "/run")
DEFERRED_WITHIN_S = 40
ATTRIBUTE = re.compile(r"^named_attribute: (\w+)=(.*)$", re.MULTILINE)
SENDER = re.compile(r"^sender: (.*)$", re.MULTILINE)


@pytest.mark.disturbs
@pytest.mark.timeout(90)
@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.parametrize("port", [465, 587, 443])
def test_the_queue(
    port: int, family: str, alice: Person, target: Target, relay: str, machine: Machine
) -> None:
    """No file and no line of the journal has its IP address, port or name."""
    alice.imap.noop()
    name = f"laptop-{secrets.token_hex(8)}.example"
    message = alice.writes(f"somebody@[{DOWN}]")
    with lost(machine, DOWN):
        with _session(target, relay, port, SOURCES[family], name) as session:
            client_port = session.local_port
            session.login(alice.address, alice.password)
            reply = transaction(session, alice.address, [f"somebody@[{DOWN}]"], message)
        assert reply.code == OK
        queue_id = reply.text.split()[-1]
        wait_for(lambda: _is_deferred(machine, queue_id), "deferred", within_s=DEFERRED_WITHIN_S)
        queued = machine.run("postcat", "-q", queue_id)
        holders = _files_with(machine, SOURCES[family], name)
        journal = machine.run("journalctl", "--no-pager", "--output=export")
    machine.run("postsuper", "-d", queue_id)

    attributes = dict(ATTRIBUTE.findall(queued))
    revealing = {SOURCES[family], f"IPv6:{SOURCES[family]}", str(client_port), name}
    assert {key for key, value in attributes.items() if value in revealing} == set()
    assert holders == []
    assert [secret for secret in (SOURCES[family], name) if secret in journal] == []
    # Postfix itself writes the login: it is the sender, without whom nobody could get a bounce
    sender = SENDER.findall(queued)
    assert {key: value for key, value in attributes.items() if alice.name in value} == {
        "sasl_username": sender[0],
    }


@pytest.fixture(scope="module", autouse=True)
def sources() -> Iterator[None]:
    """The addresses are those of this machine."""
    with contextlib.ExitStack() as stack:
        for address in SOURCES.values():
            shown = f"{address}/128" if ":" in address else f"{address}/24"
            way = [shown, "dev", "eth0", *(["nodad"] if ":" in address else [])]
            subprocess.run(["ip", "address", "add", *way], check=True)
            stack.callback(
                subprocess.run, ["ip", "address", "delete", shown, "dev", "eth0"], check=True
            )
        yield


@contextlib.contextmanager
def _session(target: Target, relay: str, port: int, source: str, name: str) -> Iterator[Smtp]:
    """A session over TLS, from one of the client's addresses."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if port == 443:
        context.set_alpn_protocols(["smtp"])
    wrapped = context if port != 587 else None
    with Smtp(target.host(relay), port, tls=wrapped, source=source, name=name) as session:
        session.ehlo()
        if wrapped is None:
            session.starttls(context)
        yield session


def _is_deferred(machine: Machine, queue_id: str) -> bool:
    listed = machine.run("postqueue", "-p")
    return re.search(rf"(?m)^{queue_id}\s", listed) is not None


def _files_with(machine: Machine, *secrets_: str) -> list[str]:
    """Files with one of these texts; sockets and devices are left out."""
    patterns = "\n".join(secrets_)
    script = f"grep -rlaFs -D skip -f - {' '.join(PLACES)} || [ $? -lt 3 ]"
    return machine.run("sh", "-c", script, stdin=patterns.encode()).splitlines()
