"""The filter judges the mailbox that gets the message, for every spelling in MAIL and RCPT.

Each spelling is refused, or delivered to the mailbox that the filter reads in it. Three users share
a relay: Open accepts clear text, Closed does not, and Stopped is disabled.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import pytest
from chatmail_testkit.mail import messages, sessions
from chatmail_testkit.mail.reply import Reply
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.samples.spellings import Speller
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request
from chatmaild.address import Address
from chatmaild.filter.envelope import read_path
from conftest import PersonFactory

MAIL = "/var/lib/chatmail/mail"
SPELLINGS = 1500
SUBMITTED = 250
HTTPS = 100
BURST, PER_SECOND = 10, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An accepted message and the spelling of its recipient."""

    path: str
    mark: str
    is_clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """The three users."""

    open: Person
    closed: Person
    stopped: Person

    def names(self) -> list[str]:
        """Return their names; Closed has the most rules to break, so it comes twice."""
        return [self.open.name, self.closed.name, self.closed.name, self.stopped.name]


@pytest.fixture
def household(carol: Person, new_person: PersonFactory, other_machine: Machine) -> Household:
    """The three users, at Carol's relay."""
    closed, stopped = new_person(carol.domain), new_person(carol.domain)
    for person in (closed, stopped):
        person.logs_in()
    other_machine.run("rm", f"{MAIL}/{carol.address}/enforceE2EEincoming")
    other_machine.run("touch", f"{MAIL}/{stopped.address}/DISABLED")
    return Household(open=carol, closed=closed, stopped=stopped)


@pytest.fixture
def chance() -> random.Random:
    """Another random order in each run; pytest shows the seed of a failed test."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)


def test_recipients_at_port_25(
    peer: Peer,
    alice: Person,
    household: Household,
    target: Target,
    other_machine: Machine,
    chance: random.Random,
) -> None:
    """Clear text reaches Open only, and Stopped gets nothing."""
    speller = _speller(household.open.domain, alice.domain, other_machine, chance)
    letters = _letters(peer, alice, household)
    sent, refused = [], 0
    with _Session(target, household.open.domain) as session:
        for number in range(SPELLINGS):
            path, is_clear = speller.path(chance.choice(household.names())), chance.random() < 0.6
            mark = f"mark-{number}-{chance.randrange(1 << 30)}."
            if session.delivers(_marked(letters[is_clear], mark), path, alice):
                sent.append(Sent(path=path, mark=mark, is_clear=is_clear))
            else:
                refused += 1

    assert len(sent) > SPELLINGS // 20, "hardly any spelling was accepted"
    assert refused > SPELLINGS // 20, "hardly any spelling was refused"
    _are_where_the_filter_says(sent, household, other_machine)


def test_a_name_that_needs_quotes(alice: Person, bob: Person, carol: Person) -> None:
    """A dot ends the tag: the mailbox gets it, at the same relay and at another one."""
    for person in (bob, carol):
        path = f'"{person.name}+tag."@{person.domain}'

        assert alice.submits(alice.writes(person, text="quoted"), path).code == 250
        assert person.receives().text == "quoted"


def test_recipients_over_https(
    peer: Peer,
    alice: Person,
    household: Household,
    target: Target,
    other_machine: Machine,
    chance: random.Random,
) -> None:
    """The same at `/mxdeliv`."""
    speller = _speller(household.open.domain, alice.domain, other_machine, chance)
    letters = _letters(peer, alice, household)
    sent = []
    for number in range(HTTPS):
        path = speller.path(chance.choice(household.names()))
        to = path.strip("<> ")  # the gateway removes brackets, HTTP removes blanks
        if not to.isascii() or not to.isprintable():
            continue
        mark = f"mark-{number}-{chance.randrange(1 << 30)}."
        message = _marked(letters[number % 3 > 0], mark)
        headers = [("X-MAIL-FROM", alice.address), ("X-MAIL-TO", to)]
        domain = household.open.domain
        answer = request(target, "POST", domain, "/mxdeliv", headers=headers, body=message)
        if answer.status == 200:
            sent.append(Sent(path=f"<{to}>", mark=mark, is_clear=number % 3 > 0))

    assert sent
    _are_where_the_filter_says(sent, household, other_machine)


def test_senders_at_submission(
    alice: Person, bob: Person, machine: Machine, target: Target, chance: random.Random
) -> None:
    """A login has one rate limit and sends as itself only, in every spelling."""
    speller = _speller(alice.domain, "b.test", machine, chance)
    accepted = 0
    started_s = time.monotonic()
    with _Session(target, alice.domain, alice) as session:
        for number in range(SUBMITTED):
            name = chance.choice([alice.name, alice.name, bob.name])
            message = alice.writes(bob, text=f"number {number}")
            accepted += session.submits(message, speller.path(name), bob)
    took_s = time.monotonic() - started_s

    assert BURST <= accepted <= BURST + PER_SECOND * took_s + 1
    wait_for(lambda: len(bob.inbox()) >= accepted, "all that was accepted")
    assert {letter.headers["From"] for letter in bob.inbox()} == {f"<{alice.address}>"}
    assert len(bob.inbox()) == accepted


def test_a_disabled_sender(
    alice: Person, bob: Person, machine: Machine, target: Target, chance: random.Random
) -> None:
    """A disabled address sends nothing, in every spelling."""
    machine.run("touch", f"{MAIL}/{alice.address}/DISABLED")
    speller = _speller(alice.domain, "b.test", machine, chance)
    with _Session(target, alice.domain, alice) as session:
        for _ in range(SUBMITTED // 5):
            session.submits(alice.writes(bob), speller.path(alice.name), bob)
        machine.run("rm", f"{MAIL}/{alice.address}/DISABLED")
    _wait_for_the_queue(machine, [bob])

    assert bob.inbox() == []


class _Session:
    """An SMTP session with one relay; a refusal is a return value."""

    def __init__(self, target: Target, domain: str, login: Person | None = None) -> None:
        self._context: AbstractContextManager[Smtp] = (
            sessions.port_25(target, domain)
            if login is None
            else sessions.submission(target, domain, login.address, login.password)
        )

    def __enter__(self) -> _Session:
        self._session = self._context.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._context.__exit__(None, None, None)

    def delivers(self, message: bytes, path: str, sender: Person) -> bool:
        """Return whether a message of another server was accepted for a recipient."""
        return self._accepts(message, f"<{sender.address}>", path)

    def submits(self, message: bytes, path: str, recipient: Person) -> bool:
        """Return whether the login's message was accepted with that sender."""
        return self._accepts(message, path, f"<{recipient.address}>")

    def _accepts(self, message: bytes, sender: str, recipient: str) -> bool:
        code = self._command(f"MAIL FROM:{sender}").code
        if code == 250:
            code = self._command(f"RCPT TO:{recipient}").code
        if code == 250:
            code = self._session.data(message).code
        if code != 250:
            self._session.command("RSET")
        return code == 250

    def _command(self, line: str) -> Reply:
        return self._session.exchange(f"{line}\r\n".encode())


def _letters(peer: Peer, sender: Person, household: Household) -> dict[bool, bytes]:
    """Return a clear and an encrypted message, signed once; a mark is not signed."""
    clear = messages.plain(sender.address, ["x@y.test"], "clear")
    return {True: peer.signs(clear), False: peer.signs(sender.writes(household.closed))}


def _marked(message: bytes, mark: str) -> bytes:
    return f"X-Mark: {mark}\r\n".encode() + message


def _speller(domain: str, other_domain: str, machine: Machine, chance: random.Random) -> Speller:
    shown = machine.run("ip", "-brief", "address", "show", "scope", "global").split()
    found = [word.partition("/")[0] for word in shown if "/" in word]
    literals = [f"IPv6:{one}" if ":" in one else one for one in found]
    return Speller(domain=domain, literals=literals, other_domain=other_domain, chance=chance)


def _wait_for_the_queue(machine: Machine, people: Sequence[Person]) -> None:
    """Wait until no mail for these people waits; mail of other scenarios may."""

    def is_through() -> bool:
        queued = machine.queue().lower()
        return not any(person.name.lower() in queued for person in people)

    wait_for(is_through, "no mail for them in the queue")


def _are_where_the_filter_says(sent: list[Sent], household: Household, machine: Machine) -> None:
    people = (household.open, household.closed, household.stopped)
    expected = {person.address: set[str]() for person in people}
    for one in sent:
        path = one.path.strip(" \t").encode()  # Postfix skips blanks around the path
        mailbox = read_path(path, household.open.domain)
        assert isinstance(mailbox, Address), f"accepted, and no mailbox of ours: {one}"
        owner = str(mailbox.account)
        assert owner in expected, f"accepted for a stranger: {one}"
        assert not one.is_clear or owner != household.closed.address, f"clear text: {one}"
        if owner != household.stopped.address:
            expected[owner].add(one.mark)
    _wait_for_the_queue(machine, people)

    for person in people:
        wanted = expected[person.address]
        # a message that moves between two queues while Postfix lists them is in neither
        wait_for(partial(_has, person, wanted), "all that was accepted")
        assert _marks(person) == wanted
        assert _mailboxes(machine, person.name) == [person.address]
    for person in (household.closed, household.stopped):
        assert not any(b"text/plain" in letter.raw for letter in person.inbox())


def _mailboxes(machine: Machine, name: str) -> list[str]:
    """Return the directories whose name contains a name."""
    return [found for found in machine.run("ls", MAIL).split("\n") if name in found.lower()]


def _has(person: Person, marks: set[str]) -> bool:
    return marks <= _marks(person)


def _marks(person: Person) -> set[str]:
    return {letter.headers["X-Mark"] for letter in person.inbox()}
