"""A message that waits for another server says nothing about the client that submitted it."""

from __future__ import annotations

import contextlib
import re
import secrets
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pytest
from chatmail_testkit.mail.reply import OK, transaction
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import lost
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import GIVEN_UP_S, wait_for

# nobody has it
DOWN = "192.0.2.209"
# addresses of the client that no other scenario uses
SOURCES = {"ipv4": "192.0.2.231", "ipv6": "2001:db8::e1"}
PLACES = ("/var/lib/postfix", "/var/spool", "/var/log", "/var/lib/chatmail", "/run")
PORTS = (465, 587, 443)
ATTRIBUTE = re.compile(r"^named_attribute: (\w+)=(.*)$", re.MULTILINE)
SENDER = re.compile(r"^sender: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message in the queue, and who submitted it."""

    person: Person
    name: str
    client_port: int
    queue_id: str


@pytest.mark.disturbs
@pytest.mark.parametrize("family", SOURCES)
@pytest.mark.parametrize("port", PORTS)
def test_the_queue(
    port: int, family: str, waiting: Mapping[tuple[int, str], Waiting], machine: Machine
) -> None:
    """No file and no line of the journal has its IP address, port or name."""
    one = waiting[port, family]
    queued = machine.run("postcat", "-q", one.queue_id)
    holders = _files_with(machine, SOURCES[family], one.name)
    journal = machine.run("journalctl", "--no-pager", "--output=export")

    attributes = dict(ATTRIBUTE.findall(queued))
    revealing = {SOURCES[family], f"IPv6:{SOURCES[family]}", str(one.client_port), one.name}
    assert {key for key, value in attributes.items() if value in revealing} == set()
    assert holders == []
    assert [secret for secret in (SOURCES[family], one.name) if secret in journal] == []
    # Postfix itself writes the login: it is the sender, without whom nobody could get a bounce
    sender = SENDER.findall(queued)
    assert {key: value for key, value in attributes.items() if one.person.name in value} == {
        "sasl_username": sender[0],
    }


@pytest.fixture(scope="module")
def waiting(
    sources: None, target: Target, relay: str, machine: Machine
) -> Iterator[Mapping[tuple[int, str], Waiting]]:
    """A message through each port from each address; they wait at the same time."""
    with lost(machine, DOWN):
        sent = {
            (port, family): _submitted(target, relay, port, source)
            for port in PORTS
            for family, source in SOURCES.items()
        }
        for one in sent.values():
            wait_for(
                partial(_is_deferred, machine, one.queue_id),
                "deferred",
                within_s=GIVEN_UP_S,
            )
        yield sent
    for one in sent.values():
        machine.run("postsuper", "-d", one.queue_id)
        one.person.leaves()


@pytest.fixture(scope="module")
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


def _submitted(target: Target, relay: str, port: int, source: str) -> Waiting:
    person = Person(target=target, domain=relay)
    person.imap.noop()
    name = f"laptop-{secrets.token_hex(8)}.example"
    message = person.writes(f"somebody@[{DOWN}]")
    with _session(target, relay, port, source, name) as session:
        client_port = session.local_port
        session.login(person.address, person.password)
        reply = transaction(session, person.address, [f"somebody@[{DOWN}]"], message)
    assert reply.code == OK
    queue_id = reply.text.split()[-1]
    return Waiting(person=person, name=name, client_port=client_port, queue_id=queue_id)


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
