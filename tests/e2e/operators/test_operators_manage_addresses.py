"""`chatmail address` takes effect at once; the journal names no address."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.mail.sessions import port_25
from chatmail_testkit.people.names import new_name
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine, Target
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory
from imapclient.exceptions import LoginError


def test_create(machine: Machine, new_person: PersonFactory, relay: str) -> None:
    """Prints credentials that log in, random or as given."""
    address, password = _chatmail(machine, "create").split()
    somebody, named = new_person(relay), new_person(relay)
    somebody.name, somebody.password = address.partition("@")[0], password

    said = _chatmail(machine, "create", named.name, "--password-stdin", stdin=named.password)

    assert said.split() == [named.address, named.password]
    for person in (somebody, named):
        assert person.imap.noop()


def test_show_and_list(machine: Machine, alice: Person, bob: Person) -> None:
    """They show the known facts of an address, and no content."""
    alice.sends(bob)
    bob.receives()

    listed = _chatmail(machine, "list")
    shown = _chatmail(machine, "show", bob.name).splitlines()

    assert {alice.address, bob.address} <= set(listed.split())
    assert [["address", bob.address]] == [line.split() for line in shown if "@" in line]
    assert [line for line in shown if line.split()[:2] == ["messages", "1,"]]


def test_disable(machine: Machine, alice: Person, bob: Person) -> None:
    """A disabled address keeps its mail and receives again after it is enabled."""
    alice.sends(bob, text="before")
    _chatmail(machine, "disable", bob.address)
    assert bob.address in _chatmail(machine, "list", "--disabled")
    alice.sends(bob, alice, text="meanwhile")
    assert alice.receives().text == "meanwhile"

    _chatmail(machine, "enable", bob.address)
    alice.sends(bob, text="after")

    assert [bob.receives().text, bob.receives().text] == ["before", "after"]
    assert bob.address not in _chatmail(machine, "list", "--disabled")


def test_passwd(machine: Machine, alice: Person) -> None:
    """The old password stops working, and its sessions end."""
    session = alice.logs_in()
    _, password = _chatmail(machine, "passwd", alice.address).split()

    _wait_for_end_of(session)
    with pytest.raises(LoginError):
        alice.logs_in()

    alice.leaves()
    alice.password = password
    assert alice.imap.noop()


def test_delete(machine: Machine, alice: Person, target: Target) -> None:
    """Mailbox and sessions end; mail to the address is refused."""
    session = alice.logs_in()
    _chatmail(machine, "delete", alice.address, "--yes")

    _wait_for_end_of(session)
    with port_25(target, alice.domain) as smtp:
        assert transaction(smtp, "me@example.org", [alice.address], b"").code == 550
    with pytest.raises(CommandFailedError, match="there is no such address"):
        _chatmail(machine, "show", alice.address)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["show", "nobody123"], "there is no such address"),
        (["show", "../x"], ""),
        (["delete", "..", "--yes"], ""),
        (["disable", "a/../../b"], ""),
        (["create", "me@example.org"], "addresses of this relay end with"),
        (["create", "x"], "a name before the @ has 9 characters"),
        (["create", "abc+12345"], ""),
        (["passwd", "nobody123"], "there is no such address"),
    ],
)
def test_errors_are_one_line(command: Sequence[str], problem: str, machine: Machine) -> None:
    """Nothing is changed."""
    with pytest.raises(CommandFailedError) as failed:
        _chatmail(machine, *command)

    said = str(failed.value).partition(" ".join(command) + ": ")[2]
    assert problem in said
    assert len(said.splitlines()) == 1


def test_the_journal_names_no_address(machine: Machine) -> None:
    """It notes the actions without the addresses."""
    name = new_name()
    commands = {
        "address created": ["create", name],
        "address disabled": ["disable", name],
        "address enabled": ["enable", name],
        "password of an address changed": ["passwd", name],
        "address deleted": ["delete", name, "--yes"],
    }
    for command in commands.values():
        _chatmail(machine, *command)

    journal = machine.run("journalctl", "--no-pager", "--output=cat", "--lines=5000")

    assert [what for what in commands if what not in journal] == []
    assert name not in journal


def _chatmail(machine: Machine, *command: str, stdin: str = "") -> str:
    return machine.run("chatmail", "address", *command, stdin=stdin.encode())


def _wait_for_end_of(session: Imap) -> None:
    wait_for(lambda: session.has_ended(), "the end of the session")
