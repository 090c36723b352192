"""`chatmail log-mail` shows an operator every message and login for a while, and leaves nothing."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

DURATION_S = 30
NAMESPACE = "mail-log"


def test_lines_come_and_go(relay: str, new_person: PersonFactory, machine: Machine) -> None:
    """While it is on, both daemons log to a journal of their own; then neither logs."""
    shown, hidden = [[new_person(relay) for _ in range(2)] for _ in range(2)]
    for person in (*shown, *hidden):
        person.logs_in()
    printed = machine.run("chatmail", "log-mail", "--for", f"{DURATION_S}s")
    assert f"journalctl --namespace={NAMESPACE}" in printed

    _writes(*shown)
    wait_for(lambda: _are_logged(machine, *shown), "their lines")
    wait_for(lambda: _is_off(machine), "the end", within_s=DURATION_S + 30)
    _writes(*hidden)

    journals = machine.run("journalctl", "--no-pager", "--quiet", "--output=cat", "--merge")
    for person in (*shown, *hidden):
        assert person.name not in journals
    assert _lines(machine) == []
    assert machine.run("find", "/run/log", "/var/log", "-name", f"*.{NAMESPACE}") == ""


def _writes(sender: Person, recipient: Person) -> None:
    sender.sends(recipient, text="hello")
    recipient.receives()


def _lines(machine: Machine) -> list[str]:
    options = ["--no-pager", "--quiet", "--output=short", f"--namespace={NAMESPACE}"]
    return machine.run("journalctl", *options).splitlines()


def _are_logged(machine: Machine, *people: Person) -> bool:
    """Whether Postfix names them, and Dovecot logs a login and a delivery (without names)."""
    lines = _lines(machine)
    postfix = "".join(line for line in lines if " postfix/" in line)
    dovecot = "".join(line for line in lines if " dovecot[" in line)
    named = all(person.name in postfix for person in people)
    return named and "Logged in" in dovecot and "saved mail" in dovecot


def _is_off(machine: Machine) -> bool:
    units = "chatmail-log-mail-off.*", f"systemd-journald@{NAMESPACE}.*"
    listing = ("systemctl", "list-units", "--no-legend", *units)
    return all(member.run(*listing) == "" for member in machine.members)
