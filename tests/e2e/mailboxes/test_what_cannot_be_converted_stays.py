"""A mailbox that cannot be converted stays as it is, the operator is told, and others go on.

If Dovecot is stopped, all of them wait.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import ANSWER_S, wait_for
from conftest import PersonFactory
from imapclient.exceptions import IMAPClientError

from mailboxes.conversion import MAIL, UNIT, choose, has_ended

OUTSIDE = "/var/tmp/outside"
# what happens to a maildir, and what the operator reads
FAULTS = {
    "a full disk": (
        "d=$PWD; cd /; cp -a $d $d.copy; mount -t tmpfs -o size=2M full $d;"
        " chown vmail:vmail $d; cp -a $d.copy/. $d; rm -r $d.copy;"
        " head -c $(($(df --output=avail -B1 $d | tail -1) - 8192)) /dev/zero > $d/filler",
        "",
    ),
    "a link to another place": (
        f"mkdir -p {OUTSIDE}; mv cur {OUTSIDE}; ln -s {OUTSIDE}/cur cur",
        "cur is not a directory",
    ),
    "a link inside": (f"mkdir -p {OUTSIDE}/x; ln -s {OUTSIDE}/x .Sent", "it has a symbolic link"),
    "both formats": ("mkdir mailboxes; chown vmail:vmail mailboxes", "mailboxes in both formats"),
    # a delivery to several recipients has one file with several names
    "an unreadable message": (
        "for file in cur/*; do cp $file copy; mv copy $file; done; chmod 000 cur/*",
        "",
    ),
    # Dovecot's tool repairs it
    "a broken list": ("echo nonsense > dovecot-uidlist", None),
    "nothing": ("true", None),
}


@pytest.fixture
def owners(machine: Machine, relay: str, new_person: PersonFactory) -> Iterator[dict[str, Person]]:
    """Addresses of an older version, by what happens to them."""
    choose(machine, "maildir")
    # it names mounted directories in the journal
    _log_level(machine, "warning")
    people = {fault: new_person(relay) for fault in FAULTS}
    for person in people.values():
        person.logs_in().end()
    yield people
    for person in people.values():
        machine.run("sh", "-c", f"umount -l {_home(person)} 2>&1; rm -rf {_home(person)}")
    _log_level(machine, "info")
    choose(machine, "sdbox")
    machine.run("rm", "-rf", OUTSIDE)
    for unit in ("dovecot", UNIT):
        machine.run("systemctl", "restart", unit)
    wait_for(lambda: has_ended(machine), "the end of the conversion")


@pytest.mark.disturbs
def test_and_the_operator_is_told(owners: dict[str, Person], bob: Person, machine: Machine) -> None:
    """No message is lost, and nothing outside of an account is touched."""
    bob.sends(*owners.values(), text="before")
    for person in owners.values():
        person.receives()
        person.leaves()
    machine.run("systemctl", "stop", "dovecot")
    for fault, person in owners.items():
        machine.run("sh", "-c", f"cd {_home(person)} && {{ {FAULTS[fault][0]}; }}")

    choose(machine, "sdbox")
    machine.run("systemctl", "restart", "--job-mode=ignore-dependencies", UNIT)
    store = machine.store_of(owners["nothing"].address)
    wait_for(lambda: _restarts(store) > 0, "a failure without Dovecot")
    assert "conversion-failed" not in store.run("ls", _home(owners["nothing"]))
    machine.run("systemctl", "start", "dovecot")
    wait_for(lambda: has_ended(machine), "the end of the conversion", within_s=ANSWER_S)
    storage = _says(machine, "chatmail storage status")
    status = _says(machine, "chatmail status")

    counts = re.findall(r"(\d) mailboxes could not be converted to sdbox; they work as", status)
    assert sum(map(int, counts)) == 5
    machine.run("rm", f"{_home(owners['a full disk'])}/filler")
    for fault, person in owners.items():
        expected = FAULTS[fault][1]
        [told] = [line for line in storage.splitlines() if person.address in line] or [""]
        # a full disk may have no room for the reason
        assert (told == "") == (expected is None) or fault == "a full disk", (fault, told)
        assert (expected or "") in told, fault
        there = set(machine.run("ls", "-A", _home(person)).split())
        assert not {"converting", "converted"} & there, fault
        assert ("cur" in there) == (expected is not None), fault
        if fault == "a link to another place":
            with pytest.raises((IMAPClientError, OSError)):
                person.logs_in().select_folder("INBOX")
        elif fault not in {"both formats", "an unreadable message"}:
            assert [letter.text for letter in person.inbox()] == ["before"], fault
    # of several stores, only those have it whose accounts have the links
    outside = machine.run("sh", "-c", f"mkdir -p {OUTSIDE}; find {OUTSIDE} -type f")
    assert len(outside.split()) == 1


def _log_level(machine: Machine, level: str) -> None:
    for store in machine.stores:
        store.run("systemctl", "log-level", level)


def _home(person: Person) -> str:
    return f"{MAIL}/{person.address}"


def _restarts(machine: Machine) -> int:
    return int(machine.run("systemctl", "show", "--property=NRestarts", "--value", UNIT))


def _says(machine: Machine, command: str) -> str:
    """Return what each store says about its mailboxes."""
    return "".join(store.run("sh", "-c", f"{command} || true") for store in machine.stores)
