"""A relay's journal holds no address, IP address, password or content."""

from __future__ import annotations

import contextlib

from chatmail_testkit.mail import messages
from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from imapclient.exceptions import LoginError


def test_the_journal_holds_no_secret(
    alice: Person, bob: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """After accepted and refused mail, and after good and bad logins."""
    nobody, wrong = new_name(), new_password()
    alice.sends(bob, carol, f"{nobody}@{alice.domain}", text="a secret")
    alice.submits(messages.plain(alice.address, [bob.address], "an open secret"), bob)
    with contextlib.suppress(LoginError):
        alice.logs_in(password=wrong)
    for person in (bob, carol):
        person.receives()
    alice.receives()  # the bounce is the last message
    own_ip = alice.smtp.local_address

    secrets = {
        "sender": alice.name,
        "recipient": bob.name,
        "recipient elsewhere": carol.name,
        "recipient who does not exist": nobody,
        "password": alice.password,
        "wrong password": wrong,
        "content": "an open secret",
        "IP address": f"[{own_ip}]",
        "IP address of an IMAP session": f"rip={own_ip}",
    }
    for relay in (machine, other_machine):
        journal = _journal(relay)
        found = {
            what: [line for line in journal.splitlines() if secret in line][:3]
            for what, secret in secrets.items()
            if secret in journal
        }
        assert found == {}


def test_commands_of_the_operator_leave_no_address(relay: str, machine: Machine) -> None:
    """Nor an invite's token: the journal has the command line of every process that writes to it.

    What they did, and who, is there.
    """
    name = new_name()
    given = ("address", "create", name, "--password-stdin")
    machine.run("chatmail", *given, stdin=new_password().encode())
    for action in ("disable", "enable"):
        machine.run("chatmail", "address", action, f"{name}@{relay}")
    machine.run("chatmail", "address", "delete", "--yes", name)
    token = machine.run("chatmail", "invite", "create").strip().partition("?")[2]
    machine.run("chatmail", "invite", "revoke", token)

    journal = _journal(machine)

    assert [line for line in journal.splitlines() if name in line or token in line] == []
    assert "address deleted (operator: " in journal


def _journal(machine: Machine) -> str:
    """All fields of all lines."""
    return machine.run("journalctl", "--no-pager", "--output=export", "--all")
