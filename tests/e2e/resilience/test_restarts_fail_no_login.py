"""Logins and lookups wait for the accounts service while it is killed or upgraded."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.peers.notifier import new_device
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request

pytestmark = pytest.mark.disturbs

UNIT = "chatmail-accounts"
KILL = f"kill --signal=KILL {UNIT}"
UPGRADE = f"restart --no-block {UNIT}"
TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way to end the process."""

    command: str

    def of(self, machine: Machine) -> None:
        """End it and reset the failure count, which delays restarts."""
        machine.run("sh", "-c", f"systemctl reset-failed {UNIT} && systemctl {self.command}")

    def completely(self, machine: Machine) -> None:
        """End it and wait until process and connections are gone."""
        before = {store: _process(store) for store in machine.stores}
        self.of(machine)
        wait_for(
            lambda: all(_process(store) != before[store] for store in machine.stores),
            "the end of the process",
        )


@pytest.fixture(params=[KILL, UPGRADE], ids=["kill", "upgrade"])
def end(request: pytest.FixtureRequest) -> End:
    """A crash, or the start of a new version."""
    return End(command=request.param)


def test_logins_succeed(end: End, alice: Person, machine: Machine) -> None:
    """IMAP and SMTP, each right after the end of the process."""
    for _ in range(TIMES):
        end.of(machine)
        alice.logs_in()
        end.of(machine)
        alice.smtp.noop()
        alice.leaves()


def test_mail_is_accepted(
    end: End,
    peer: Peer,
    alice: Person,
    carol: Person,
    machine: Machine,
    other_machine: Machine,
) -> None:
    """Recipient lookups succeed at once: no 4xx, no queue."""
    for number in range(TIMES):
        end.of(machine)
        alice.sends(alice, text=f"home {number}")
        end.of(other_machine)
        message = peer.signs(alice.writes(carol, text=f"port 25 {number}"))
        reply = peer.delivers(message, carol, mail_from=alice.address)

        assert reply.code == 250
        assert alice.receives().text == f"home {number}"
        assert carol.receives().text == f"port 25 {number}"


def test_metadata_is_available(end: End, alice: Person, machine: Machine) -> None:
    """An open session reads and sets keys.

    A change in progress at that moment is answered NO, because Dovecot does not retry it.
    """
    for _ in range(TIMES):
        end.completely(machine)
        token = new_device(alice)
        end.completely(machine)

        assert token in (alice.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN] or "")


def test_new_is_available(end: End, alice: Person, machine: Machine, target: Target) -> None:
    """The web server forwards requests to the new process."""
    for _ in range(TIMES):
        end.of(machine)

        assert request(target, "POST", alice.domain, "/new").status == 200


def _process(machine: Machine) -> str:
    return machine.run("systemctl", "show", "--property=MainPID", "--value", UNIT)
