"""While the accounts service is killed or upgraded, logins and questions wait a moment for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from chatmail_testkit.peers.notifier import DEVICE_TOKEN, new_device
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request

pytestmark = [pytest.mark.disturbs, pytest.mark.timeout(180)]

UNIT = "chatmail-accounts"
KILL = f"kill --signal=KILL {UNIT}"
UPGRADE = f"restart --no-block {UNIT}"
TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way for the process to end."""

    command: str

    def of(self, machine: Machine) -> None:
        """Ends it, as if that had never happened before: each time makes systemd more patient."""
        machine.run("sh", "-c", f"systemctl reset-failed {UNIT} && systemctl {self.command}")

    def completely(self, machine: Machine) -> None:
        """The same, until the process is gone, and its connections with it."""
        before = _process(machine)
        self.of(machine)
        wait_for(lambda: _process(machine) != before, "the end of the process", within_s=20)


@pytest.fixture(params=[KILL, UPGRADE], ids=["kill", "upgrade"])
def end(request: pytest.FixtureRequest) -> End:
    """A crash, or the start of a new version."""
    return End(command=request.param)


def test_logins(end: End, alice: Person, machine: Machine) -> None:
    """IMAP and SMTP, each right after the end of the process."""
    for _ in range(TIMES):
        end.of(machine)
        alice.logs_in()
        end.of(machine)
        alice.smtp.noop()
        alice.leaves()


def test_mail(
    end: End,
    peer: Peer,
    alice: Person,
    carol: Person,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """Recipients are looked up at once: no 4xx, no waiting in a queue."""
    for number in range(TIMES):
        end.of(machine)
        alice.sends(alice, text=f"home {number}")
        end.of(other_machine)
        message = peer.signs(alice.writes(carol, text=f"port 25 {number}"))
        reply = peer.delivers(message, carol, mail_from=alice.address)

        assert reply.code == 250
        assert alice.receives().text == f"home {number}"
        assert carol.receives().text == f"port 25 {number}"


def test_metadata(end: End, alice: Person, machine: Machine) -> None:
    """Keys are read and set in a session that was open before.

    A change that is on its way at that very moment is answered NO: Dovecot does not repeat it.
    """
    for _ in range(TIMES):
        end.completely(machine)
        token = new_device(alice)
        end.completely(machine)

        assert token in (alice.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN] or "")


def test_new(end: End, alice: Person, machine: Machine, target: Target) -> None:
    """The web server passes requests on."""
    for _ in range(TIMES):
        end.of(machine)

        assert request(target, "POST", alice.domain, "/new").status == 200


def _process(machine: Machine) -> str:
    return machine.run("systemctl", "show", "--property=MainPID", "--value", UNIT)
