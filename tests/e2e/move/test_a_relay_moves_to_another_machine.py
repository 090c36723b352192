"""`chatmail move` loses and doubles no mail, and refuses logins for less than a minute."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import imapclient.exceptions
import pytest
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.peers.certificate import self_signed
from chatmail_testkit.peers.https_relay import HttpsRelay
from chatmail_testkit.peers.notifier import Notifier, new_device, serving
from chatmail_testkit.people.person import Person
from chatmail_testkit.people.stream import stream
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import wait_for

MOST_REFUSED_S = 60
PACE_S = 0.5
PATIENCE_S = 60
KEY = "/var/lib/chatmail/dkim/chatmail.private"
SSHD = "e2e-sshd"
STATE = "/var/lib/chatmail/move/state.json"


@dataclass(kw_only=True)
class Logins:
    """Logins of a person, one after the other."""

    longest_gap_s: float = 0.0
    succeeded: int = 0
    failed: list[str] = field(default_factory=list)


@pytest.fixture
def new_machine(lab: LabTarget, machine: Machine, request: pytest.FixtureRequest) -> Iterator[str]:
    """The machine to which Alice's relay can move; root of the old one may log in there."""
    name = request.config.getoption("--new-machine")
    if not name:
        pytest.skip("needs a second machine: lab up a.test b.test new.test=a.test, --new-machine")
    there = lab.machine(name)
    machine.run("mkdir", "-p", "-m", "700", "/root/.ssh")
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/id_ed25519")
    there.run("mkdir", "-p", "-m", "700", "/root/.ssh")
    there.run(
        "tee", "/root/.ssh/authorized_keys", stdin=_file(machine, "/root/.ssh/id_ed25519.pub")
    )
    host_key = there.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub")
    machine.run("tee", "/root/.ssh/known_hosts", stdin=f"{name} {host_key}".encode())
    there.run(
        *("systemd-run", f"--unit={SSHD}", "--property=RuntimeDirectory=sshd"),
        *("/usr/sbin/sshd", "-D", "-o", "UsePAM=no"),
    )
    yield name
    there.run("systemctl", "stop", SSHD)


def test_move(
    new_machine: str,
    lab: LabTarget,
    alice: Person,
    bob: Person,
    carol: Person,
    machine: Machine,
    other_machine: Machine,
    tmp_path: Path,
) -> None:
    """Under traffic in all directions; then DNS changes."""
    there = lab.machine(new_machine)
    token = new_device(bob)
    for text in ("read", "unread"):
        alice.sends(bob, text=text)
        bob.receives()
    bob.imap.add_flags([1], [b"\\Seen"])
    dkim_key = machine.run("sha256sum", KEY)
    machine.run("chatmail", "invite", "create", "--uses", "2")
    invites = machine.run("chatmail", "invite", "list")

    target = f"root@{new_machine}"
    plan = machine.run("chatmail", "move", "--dry-run", target)
    assert f"{alice.domain}. A {_address(there)} (instead of {_address(machine)})" in plan
    assert "nothing was changed" in plan
    with pytest.raises(CommandFailedError, match="no move from this machine has begun"):
        machine.run("chatmail", "move", "--undo")

    _fails_and_goes_on(machine, there, target, alice)

    waiting = f"keeper@[{socket.gethostbyname('client.test')}]"
    alice.leaves()
    alice.sends(waiting)
    wait_for(lambda: "deferred" in _queues(machine), "a deferred message")
    with serving() as notifier, _traffic(bob, alice, carol) as (logins, streams):
        report = machine.run("chatmail", "move", "--yes", target)
        _some_more(logins)  # DNS is still the old one
        lab.point(alice.domain, new_machine)
        _some_more(logins)
        moved_s = time.monotonic()
        _notified(notifier, token, since_s=moved_s)
    accepted = [text for stream in streams for text in stream.result()]
    print(report)
    print(
        f"logins: {logins.succeeded} succeeded, {len(logins.failed)} failed,"
        f" longest time without one {logins.longest_gap_s:.1f} s;"
        f" {len(accepted)} messages accepted meanwhile"
    )

    assert logins.longest_gap_s < MOST_REFUSED_S
    assert [reason for reason in logins.failed if "AUTHENTICATIONFAILED" in reason] == []
    expected = sorted(["read", "unread", *accepted])
    with HttpsRelay(waiting.split("[")[1].strip("]"), self_signed(tmp_path)) as keeper:
        threading.Thread(target=keeper.serve_forever, daemon=True).start()
        assert _inbox(bob, expected, there, other_machine) == expected
        keeper.shutdown()
    assert keeper.recipients == [waiting]
    assert [flags for _, flags in _flags(bob)][:2] == [True, False]
    assert token in (bob.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN] or "")
    assert there.run("sha256sum", KEY) == dkim_key
    assert there.run("chatmail", "invite", "list") == invites
    assert "empty" in there.queue()

    _is_closed_for_good(machine, target)
    for host in (machine, there):
        journal = host.run("journalctl", "--no-pager", "--quiet", "--output=export")
        assert [person.name for person in (alice, bob, carol) if person.name in journal] == []


def _fails_and_goes_on(machine: Machine, there: Machine, target: str, alice: Person) -> None:
    """A new machine that cannot start leaves the old one as it was, and the move is repeated."""
    there.run("mkdir", "-p", "/run/systemd/system/dovecot.service.d")
    broken = b"[Service]\nExecStartPre=/bin/false\n"
    there.run("tee", "/run/systemd/system/dovecot.service.d/broken.conf", stdin=broken)
    there.run("systemctl", "daemon-reload")
    with pytest.raises(CommandFailedError, match="dovecot does not start"):
        machine.run("chatmail", "move", "--yes", target)
    alice.leaves()
    alice.imap.noop()
    assert '"abandoned"' in there.run("cat", STATE)
    machine.run("chatmail", "move", "--undo")
    there.run("rm", "/run/systemd/system/dovecot.service.d/broken.conf")
    there.run("systemctl", "daemon-reload")


def _is_closed_for_good(machine: Machine, target: str) -> None:
    """No service starts, and a second move or an undo is refused."""
    with pytest.raises(CommandFailedError, match="this relay moved to"):
        machine.run("chatmail", "move", "--yes", target)
    with pytest.raises(CommandFailedError, match="this relay moved to"):
        machine.run("chatmail", "move", "--undo")
    machine.run("systemctl", "start", "postfix", "dovecot", "chatmail-accounts")
    status = machine.run("sh", "-c", "chatmail status; true")
    assert "this machine is closed: the relay moved to" in status
    states = machine.run("sh", "-c", "systemctl is-active postfix dovecot chatmail-accounts; true")
    assert states.split() == ["inactive"] * 3


@contextmanager
def _traffic(
    bob: Person, alice: Person, carol: Person
) -> Iterator[tuple[Logins, list[Future[list[str]]]]]:
    """Log in as Bob, and write to him from both relays, until the end."""
    over = threading.Event()
    logins = Logins()
    with ThreadPoolExecutor(3) as pool, ExitStack() as at_the_end:
        at_the_end.callback(over.set)
        done = pool.submit(_log_in, bob, logins, over)
        streams = [
            pool.submit(stream, sender, bob, over) for sender in (_twin(alice), _twin(carol))
        ]
        yield logins, streams
        over.set()
        done.result(timeout=PATIENCE_S)


def _twin(person: Person) -> Person:
    """Return the same person with sessions of their own."""
    return Person(
        target=person.target,
        domain=person.domain,
        name=person.name,
        password=person.password,
        key=person.key,
    )


def _log_in(person: Person, logins: Logins, over: threading.Event) -> None:
    last_s = time.monotonic()
    twin = _twin(person)
    while not over.wait(PACE_S):
        try:
            twin.logs_in().noop()
        except (OSError, imapclient.exceptions.IMAPClientError) as error:
            logins.failed.append(str(error))
            continue
        finally:
            twin.leaves()
        now_s = time.monotonic()
        logins.longest_gap_s = max(logins.longest_gap_s, now_s - last_s)
        logins.succeeded += 1
        last_s = now_s


def _some_more(logins: Logins) -> None:
    """Wait for three logins."""
    before = logins.succeeded
    wait_for(lambda: logins.succeeded >= before + 3, "logins succeed", within_s=PATIENCE_S)


def _notified(notifier: Notifier, token: str, since_s: float) -> None:
    """Wait for a notification of the new machine."""
    wait_for(
        lambda: any(at_s > since_s for at_s in notifier.times_s(token)),
        "the new machine wakes phones",
        within_s=PATIENCE_S,
    )


def _inbox(person: Person, expected: list[str], *machines: Machine) -> list[str]:
    """Return the texts of all mail of a person, once as many are there as expected."""

    def complete() -> bool:
        for machine in machines:
            machine.run("postqueue", "-f")
        person.leaves()
        return len(person.inbox()) >= len(expected) and all("empty" in m.queue() for m in machines)

    wait_for(complete, "all mail has arrived", within_s=PATIENCE_S, every_s=1)
    return sorted(letter.text for letter in person.inbox())


def _flags(person: Person) -> list[tuple[int, bool]]:
    """Return whether each message is read, by its number."""
    found = person.imap.fetch(person.imap.search("ALL"), ["FLAGS"])
    return [(uid, b"\\Seen" in found[uid][b"FLAGS"]) for uid in sorted(found)]


def _queues(machine: Machine) -> str:
    return machine.run("postqueue", "-j")


def _address(machine: Machine) -> str:
    shown = machine.run("ip", "-4", "-o", "address", "show", "dev", "eth0")
    return shown.split("inet ")[1].split("/")[0]


def _file(machine: Machine, path: str) -> bytes:
    return machine.run("cat", path).encode()
