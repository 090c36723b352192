"""A Dovecot that cannot tell the format of a mailbox opens none: it would make an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import AS_VMAIL, Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory
from imapclient.exceptions import IMAPClientError

PLUGIN = "/usr/lib/dovecot/modules/lib20_mailbox_format_plugin.so"
CHOICE = "/var/lib/chatmail/accounts/storage"


@pytest.fixture
def owner(machine: Machine, relay: str, new_person: PersonFactory) -> Iterator[Person]:
    """An address whose mailbox is a maildir, as that of an older version."""
    machine.run(*AS_VMAIL, "sh", "-c", f"echo maildir > {CHOICE}")
    person = new_person(relay)
    person.logs_in().end()
    yield person
    machine.run(*AS_VMAIL, "sh", "-c", f"echo sdbox > {CHOICE}")


@pytest.mark.disturbs
def test_mail_waits_until_it_is_back(owner: Person, bob: Person, machine: Machine) -> None:
    """The delivery fails temporarily, and so does the login."""
    home = f"/var/lib/chatmail/mail/{owner.address}"
    machine.run("mv", PLUGIN, f"{PLUGIN}.away")
    machine.run("systemctl", "restart", "dovecot")
    try:
        bob.sends(owner, text="one")
        wait_for(
            lambda: '"delay_reason"' in machine.run("postqueue", "-j"),
            "a failure",
        )
        with pytest.raises((IMAPClientError, OSError)):
            owner.logs_in().select_folder("INBOX")
        there = machine.run("ls", home).split()
    finally:
        machine.run("mv", f"{PLUGIN}.away", PLUGIN)
        machine.run("systemctl", "restart", "dovecot")

    assert "cur" in there
    assert "mailboxes" not in there
    machine.run("postqueue", "-f")
    owner.leaves()
    assert owner.receives().text == "one"
