"""A backup makes an empty machine the same relay: passwords, mail, queue, keys, invites, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from backup.loss import STATE, lose
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.peers.notifier import new_device
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory
from imapclient.exceptions import LoginError

pytestmark = [
    pytest.mark.disturbs,
    pytest.mark.one_machine("it restores a whole relay; a front and a store are restored alone"),
]

# as in tests/e2e/lab.nix
REPOSITORY = "/var/backups/chatmail"
# messages of one address at once, mail.messageBurst, without one before and one after
AT_ONCE = 7
SMALL_DISK = "/mnt/small"
# paths, modes and owners of all state but counts, mail and sockets
LISTING = (
    f"find {STATE} -regextype egrep"
    f" \\( -path {STATE}/numbers -o -path {STATE}/backup -o -path {STATE}/selftest.json"
    r" -o -regex '.*/(cur|new|tmp|maildirsize|nearly-full|dovecot[^/]*)' \) -prune"
    r" -o -printf '%P %m %u:%g\n' | sort"
)


# what a backup without mail has of each address
ADDRESSES = (
    f"cd {STATE}/mail; find . -mindepth 2 -regextype egrep"
    r" -regex '.*/(password|enforceE2EEincoming|DISABLED|metadata.json)'"
    r" -printf '%P %m %u:%g %Td %TH ' -exec md5sum {} \; | sort"
)


@pytest.fixture(autouse=True)
def _no_backup(machine: Machine) -> Iterator[None]:
    """Nothing is stored before and after."""
    _remove(machine)
    yield
    machine.run("sh", "-c", f"! mountpoint -q {SMALL_DISK} || umount {SMALL_DISK}")
    _remove(machine)


@pytest.fixture
def peer_down(other_machine: Machine) -> Iterator[Callable[[], None]]:
    """Carol's relay accepts no mail."""
    units = ("postfix", "nginx")

    def stop() -> None:
        for unit in units:
            other_machine.stop(unit)

    yield stop
    for unit in units:
        other_machine.start(unit)


def test_everything_comes_back(
    alice: Person,
    bob: Person,
    carol: Person,
    new_person: PersonFactory,
    machine: Machine,
    peer_down: Callable[[], None],
    other_machine: Machine,
) -> None:
    """Backed up under traffic, lost, restored: nobody notices but by what came after the backup."""
    token = new_device(bob)
    machine.run("chatmail", "invite", "create", "--uses", "3")
    gone = new_person(alice.domain)
    gone.imap.noop()
    machine.run("chatmail", "address", "delete", gone.address, "--yes")
    alice.sends(bob, text="before")
    bob.receives()
    first = machine.run("chatmail", "backup", "create", "--init", "--no-mail")
    peer_down()
    alice.sends(carol, text="waits")
    wait_for(lambda: carol.address in machine.queue(), "queued mail")
    texts = _while_it_runs(lambda: _back_up(machine), alice, bob)
    invites = machine.run("chatmail", "invite", "list")
    before, keys = machine.run("sh", "-c", LISTING), _keys(machine)
    assert "made a new repository" in first
    assert " without mail: " in first

    lose(machine)
    assert _keys(machine) != keys
    told = machine.run("chatmail", "backup", "restore")

    assert "mail and queue" in told
    assert "chatmail dns --check" in told
    assert machine.run("sh", "-c", LISTING) == before
    assert _keys(machine) == keys
    assert machine.run("chatmail", "invite", "list") == invites
    alice.leaves()
    bob.leaves()
    arrived = [letter.text for letter in bob.inbox()]
    assert len(set(arrived)) == len(arrived)
    assert {"before", *texts} == {"before", *texts} & set(arrived)
    assert bob.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN] == token
    with pytest.raises(LoginError):
        bob.logs_in("another password")
    gone.leaves()
    with pytest.raises(LoginError):
        gone.logs_in()
    other_machine.start("postfix")
    other_machine.start("nginx")
    machine.run("chatmail", "queue", "retry", carol.domain)
    carol.leaves()
    assert carol.receives().text == "waits"
    alice.sends(bob, text="after")
    wait_for(lambda: "after" in [letter.text for letter in bob.inbox()], "new mail")
    with pytest.raises(CommandFailedError, match="this machine has addresses: --force"):
        machine.run("chatmail", "backup", "restore")


def test_what_fails_is_one_line(alice: Person, machine: Machine) -> None:
    """Repository, password, disk; `chatmail status` tells of it until one succeeds."""
    other = f"{SMALL_DISK}/password"
    machine.run("mkdir", "-p", SMALL_DISK)
    machine.run("mount", "-t", "tmpfs", "-o", "size=3M", "small", SMALL_DISK)
    machine.run("tee", other, stdin=b"wrong")
    missing = _fails(machine, "create")
    machine.run("chatmail", "backup", "create", "--init")
    listed = json.loads(machine.run("chatmail", "backup", "list", "--json"))["backups"]
    wrong = _fails(machine, "list", "--password-file", other)
    none = _fails(machine, "verify", "--password-file", "/nonexistent")
    machine.run("dd", "if=/dev/urandom", f"of={STATE}/accounts/filler", "bs=1M", "count=5")
    full = _fails(machine, "create", "--init", "--repository", f"{SMALL_DISK}/backups")
    status = machine.run("sh", "-c", "chatmail status || true")
    machine.run("rm", f"{STATE}/accounts/filler")

    assert "there is no repository at /var/backups/chatmail: is it mounted?" in missing
    assert "does not open /var/backups/chatmail" in wrong
    assert "/nonexistent: No such file or directory" in none
    assert "no space left on device" in full
    assert [(one["with_mail"], one["bytes"] > 0) for one in listed] == [(True, True)]
    assert "wrong: the last backup failed: restic: " in status
    assert "repair: chatmail backup create" in status
    assert alice.name not in status
    assert json.loads(machine.run("cat", f"{STATE}/backup/last.json"))["failures"] == 2
    assert "the repository is whole" in machine.run("chatmail", "backup", "verify")
    before = machine.run("sh", "-c", ADDRESSES)
    machine.run("chatmail", "backup", "create", "--no-mail")
    told = machine.run("chatmail", "backup", "restore", "--force")
    assert "no mail" in told
    assert machine.run("sh", "-c", ADDRESSES) == before
    alice.leaves()
    assert alice.inbox() == []
    assert "last backup failed" not in machine.run("sh", "-c", "chatmail status || true")


def _remove(machine: Machine) -> None:
    machine.run("rm", "-rf", REPOSITORY, f"{STATE}/backup/last.json")


def _back_up(machine: Machine) -> str:
    """By the unit, with mail."""
    return machine.run("systemctl", "start", "chatmail-backup")


def _while_it_runs(work: Callable[[], str], sender: Person, recipient: Person) -> list[str]:
    """Send messages until the work is done; return those that had arrived when it began."""
    sent: list[str] = []
    recipient.leaves()
    for number in range(3):
        sender.sends(recipient, text=f"early {number}")
        sent.append(f"early {number}")
    wait_for(lambda: len(recipient.inbox()) > len(sent), "early mail")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        for number in range(AT_ONCE - len(sent)):
            if not running.done():
                sender.sends(recipient, text=f"late {number}")
        running.result()
    return sent


def _keys(machine: Machine) -> str:
    """Digests of the DKIM key and of the secret of the media relay."""
    return machine.run("sha256sum", f"{STATE}/dkim/chatmail.private", f"{STATE}/turn/secret")


def _fails(machine: Machine, *command: str) -> str:
    """What it says: one line."""
    argv = ("chatmail", "backup", *command)
    with pytest.raises(CommandFailedError) as raised:
        machine.run(*argv)
    [line] = str(raised.value).splitlines()
    assert "error: " in line
    return line
