"""Fixtures of the acceptance suite: target, relays, machines, people."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chatmail_testkit.peers.peer import Peer, peer_with_key_of
from chatmail_testkit.people.inbox import in_words
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.classic import Classic
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.network import NetworkTarget
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.traces.ledger import VARIABLE as LEDGER
from chatmail_testkit.traces.ledger import record

PersonFactory = Callable[[str], Person]
CLIENT = "client.test"  # this process, in the lab
_TARGET = pytest.StashKey[Target]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose the relays."""
    group = parser.getgroup("chatmail")
    group.addoption(
        "--lab",
        default=os.environ.get("CHATMAIL_LAB", "lab"),
        help="name of the lab that is up; run pytest inside its client",
    )
    group.addoption(
        "--network",
        choices=["outside", "ssh"],
        help="no lab: relays of the network, without or with ssh as root",
    )
    group.addoption("--relays", default="a.test,b.test", help="mail domains, with commas")
    group.addoption("--classic", help="domain of a plain mail server of the lab")
    group.addoption(
        "--ledger", metavar="FILE", help="write all personal data that scenarios use into a file"
    )
    group.addoption("--new-machine", help="host of the lab to which the first relay can move")
    group.addoption(
        "--untrusted", default="", help="relays of the lab that sign their own certificates, commas"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers and make the target."""
    if ledger := config.getoption("--ledger"):
        os.environ[LEDGER] = str(Path(ledger).absolute())
    for marker in (
        "remembers: searches the relays for what other scenarios left behind, so it runs last",
        "one_machine(reason): has no subject on a relay of several machines",
        "disturbs: stops or cuts off hosts, or tells memory, so it has its lab for itself",
        "measures: tells times, so it has the machine for itself",
    ):
        config.addinivalue_line("markers", marker)
    relays = tuple(config.getoption("--relays").split(","))
    network = config.getoption("--network")
    if ledger and not network:
        record("IP address", *{str(found[4][0]) for found in socket.getaddrinfo(CLIENT, None)})
    config.stash[_TARGET] = (
        NetworkTarget(relays=relays, inside=network == "ssh")
        if network
        else LabTarget(name=config.getoption("--lab"), relays=relays)
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is about a relay of one machine where the first relay has several."""
    if marker := item.get_closest_marker("one_machine"):
        target = item.config.stash[_TARGET]
        machine = target.machine(target.relays[0])
        if machine is not None and len(machine.members) > 1:
            pytest.skip(f"a cluster: {marker.args[0]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the load, journals, queues, and each person's INBOX to the report of what failed."""
    report = yield
    if report.failed:
        report.sections.append(("load of this machine", f"{os.getloadavg()[0]:.1f}"))
        target = item.config.stash[_TARGET]
        classic = item.config.getoption("--classic")
        for domain in [*target.relays, *([classic] if classic else [])]:
            machine = target.machine(domain)
            if machine is not None:
                report.sections.append(
                    (f"journal of {domain}", _or_error(machine.logs, call.start))
                )
                report.sections.append((f"queue of {domain}", _or_error(machine.queue)))
        for name, person in getattr(item, "funcargs", {}).items():
            if isinstance(person, Person):
                report.sections.append((f"INBOX of {name}", _or_error(in_words, person)))
    return report


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The relays that the suite runs against."""
    return request.config.stash[_TARGET]


@pytest.fixture(scope="session")
def relay(target: Target) -> str:
    """Mail domain of the relay of Alice and Bob."""
    return target.relays[0]


@pytest.fixture(scope="session")
def other_relay(target: Target) -> str:
    """Mail domain of the relay of Carol."""
    return target.relays[1]


@pytest.fixture(scope="session")
def machine(target: Target, relay: str) -> Machine:
    """The host of Alice's and Bob's relay."""
    return _inside(target, relay)


@pytest.fixture(scope="session")
def other_machine(target: Target, other_relay: str) -> Machine:
    """The host of Carol's relay."""
    return _inside(target, other_relay)


@pytest.fixture
def new_person(target: Target) -> Iterator[PersonFactory]:
    """Make people whose address does not exist yet."""
    yield from _people(target)


@pytest.fixture
def alice(new_person: PersonFactory, relay: str) -> Person:
    """A user of the relay, logged in."""
    return _arrived(new_person(relay))


@pytest.fixture
def bob(new_person: PersonFactory, relay: str) -> Person:
    """A second user of the same relay, logged in."""
    return _arrived(new_person(relay))


@pytest.fixture
def carol(new_person: PersonFactory, other_relay: str) -> Person:
    """A user of the other relay, logged in."""
    return _arrived(new_person(other_relay))


@pytest.fixture
def new_credulous_person(credulous: Target) -> Iterator[PersonFactory]:
    """Make people whose client does not check their relay's certificate."""
    yield from _people(credulous)


@pytest.fixture(scope="session")
def lab(target: Target) -> LabTarget:
    """The lab; skips the test elsewhere."""
    if not isinstance(target, LabTarget):
        pytest.skip("needs the lab")
    return target


@pytest.fixture(scope="session")
def lab_machines(lab: LabTarget, request: pytest.FixtureRequest) -> dict[str, Machine]:
    """The hosts of all relays of the lab, by name."""
    untrusted = [name for name in request.config.getoption("--untrusted").split(",") if name]
    return {name: lab.machine(name) for name in [*lab.relays, *untrusted]}


@pytest.fixture(scope="session")
def credulous(lab: LabTarget) -> LabTarget:
    """The same relays for clients that do not check certificates."""
    return replace(lab, is_credulous=True)


@pytest.fixture(scope="session")
def untrusted(request: pytest.FixtureRequest) -> str:
    """A relay with a self-signed certificate."""
    option: str = request.config.getoption("--untrusted")
    for domain in option.split(","):
        if domain.startswith("_"):
            return domain
    pytest.skip("needs a relay that signs its own certificate: --untrusted _d.test")


@pytest.fixture(scope="session")
def classic(request: pytest.FixtureRequest, target: Target) -> Classic:
    """A classic mail server: Postfix, Dovecot and OpenDKIM."""
    domain = request.config.getoption("--classic")
    if not domain:
        pytest.skip("needs a classic mail server: lab up --classic c.test, pytest --classic c.test")
    return Classic(target=target, domain=domain, machine=_inside(target, domain))


@pytest.fixture
def dora(classic: Classic) -> Iterator[Person]:
    """A user with a new mailbox at the classic server."""
    person = classic.mailbox()
    yield person
    person.leaves()


@pytest.fixture(scope="session")
def peer(target: Target, relay: str, machine: Machine) -> Peer:
    """A mail server that signs with the key of Alice's relay and writes to Carol."""
    return peer_with_key_of(target, relay, machine)


def _people(target: Target) -> Iterator[PersonFactory]:
    people: list[Person] = []

    def make(domain: str) -> Person:
        people.append(Person(target=target, domain=domain))
        return people[-1]

    yield make
    for person in people:
        person.leaves()


def _arrived(person: Person) -> Person:
    person.imap.noop()
    return person


def _inside(target: Target, domain: str) -> Machine:
    machine = target.machine(domain)
    if machine is None:
        pytest.skip("needs the inside of the relay")
    return machine


def _or_error(look: Callable[..., str], *arguments: object) -> str:
    try:
        return look(*arguments)
    except Exception as error:
        return f"not available: {error}"
