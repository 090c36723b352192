"""Whoever reads a relay's journal learns nothing of who wrote to whom, from where, and what."""

from __future__ import annotations

import contextlib

from imapclient.exceptions import LoginError
from support import messages
from support.person import Person
from support.target import Machine, new_name, new_password


def test_journal(
    alice: Person, bob: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Neither good nor refused mail, neither good nor bad logins leave names, words or places."""
    nobody, wrong = new_name(), new_password()
    alice.sends(bob, carol, f"{nobody}@{alice.domain}", text="a secret")
    alice.submits(messages.plain(alice.address, [bob.address], "an open secret"), bob)
    with contextlib.suppress(LoginError):
        alice.logs_in(password=wrong)
    for person in (bob, carol):
        person.receives()
    alice.receives()  # the bounce, so that all is over
    assert alice.smtp.sock
    own_ip = alice.smtp.sock.getsockname()[0]

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
        journal = relay.run("journalctl", "--no-pager", "--output=cat")
        found = {
            what: [line for line in journal.splitlines() if secret in line][:3]
            for what, secret in secrets.items()
            if secret in journal
        }
        assert found == {}
