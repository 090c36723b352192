"""While a service is down, mail is deferred with 4xx or queued, and arrives after the restart."""

from __future__ import annotations

import time

import aiosmtplib
import pytest
from chatmail_testkit.mail.sessions import stranger, submission
from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.services import queue_runs_often, stopped
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.waiting import RETRIED_S, wait_for
from imapclient.exceptions import IMAPClientAbortError, LoginError

pytestmark = pytest.mark.disturbs

FILTER, ACCOUNTS, DOVECOT = "chatmail-filter", "chatmail-accounts", "dovecot"


@pytest.mark.parametrize("unit", [FILTER, ACCOUNTS, DOVECOT])
def test_submission_is_deferred(unit: str, alice: Person, bob: Person, machine: Machine) -> None:
    """The client gets a 4xx or its mail is queued; never a 5xx."""
    alice.smtp.noop()
    with stopped(machine, unit):
        code = _code(alice, bob, "while down")
    assert code == 250 or 400 <= code < 500

    for person in (alice, bob):
        person.leaves()
    if code != 250:
        alice.sends(bob, text="while down")

    # Postfix' queue manager caches a failed lookup for 30 s, then retries
    with queue_runs_often(machine):
        assert bob.receives(within_s=RETRIED_S).text == "while down"


@pytest.mark.parametrize("unit", [ACCOUNTS, DOVECOT])
def test_logins_fail_temporarily(unit: str, alice: Person, machine: Machine) -> None:
    """The reply never blames the password."""
    with stopped(machine, unit):
        with pytest.raises((LoginError, IMAPClientAbortError, OSError)) as failed:
            alice.logs_in()
        with pytest.raises((aiosmtplib.SMTPException, OSError)) as refused:
            _submits_anew(alice)

    assert "AUTHENTICATIONFAILED" not in str(failed.value)
    code = getattr(refused.value, "code", 421)
    assert 400 <= code < 500
    assert alice.logs_in().select_folder("INBOX")


def test_submission_returns_with_dovecot(alice: Person, machine: Machine) -> None:
    """smtpd exits without Dovecot; the next one starts at once, not after a minute."""
    with stopped(machine, DOVECOT):
        assert not any(_can_submit(alice) for _ in range(3))
    started_s = time.monotonic()
    wait_for(lambda: _can_submit(alice), "submission is back", within_s=20)

    assert time.monotonic() - started_s < 20


@pytest.mark.parametrize("unit", [ACCOUNTS, DOVECOT])
def test_logins_in_open_sessions_fail_temporarily(
    unit: str, alice: Person, machine: Machine, target: Target
) -> None:
    """Postfix reports every Dovecot failure as a wrong password, so Dovecot reports none."""
    with (
        stranger(target, alice.domain) as session,
        stopped(machine, unit),
        pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused,
    ):
        session.login(alice.address, alice.password)

    assert refused.value.code == 454


@pytest.mark.parametrize("unit", [FILTER, ACCOUNTS, DOVECOT])
def test_port_25_defers(
    unit: str, peer: Peer, alice: Person, carol: Person, other_machine: Machine
) -> None:
    """Other servers get a 4xx, or the message is queued here."""
    message = peer.signs(alice.writes(carol, text="through port 25"))
    with stopped(other_machine, unit):
        code = peer.delivers(message, carol, mail_from=alice.address).code
    assert code == 250 or 400 <= code < 500

    carol.leaves()
    if code != 250:  # retried as by a server, but more often
        wait_for(
            lambda: peer.delivers(message, carol, mail_from=alice.address).code == 250,
            "the message is taken",
            within_s=60,
            every_s=8,
        )

    # as above: the filter takes mail in while the map of transports is away
    with queue_runs_often(other_machine):
        assert carol.receives(within_s=RETRIED_S).text == "through port 25"


@pytest.mark.parametrize("unit", [FILTER, ACCOUNTS, DOVECOT])
def test_mail_between_relays_waits(
    unit: str, alice: Person, carol: Person, machine: Machine, other_machine: Machine
) -> None:
    """Alice's relay queues a message until Carol's works again; it arrives exactly once.

    Direct delivery over HTTPS needs the filter and Dovecot only: it goes on without the accounts.
    """
    with stopped(other_machine, unit):
        alice.sends(carol, text="patience")
        wait_for(
            lambda: (
                carol.address in machine.queue() + other_machine.queue()
                or (unit == ACCOUNTS and carol.inbox())
            ),
            "the message waits in a queue, or has arrived",
        )

    # without a flush: the relays retry every minute
    carol.leaves()
    assert carol.receives(within_s=RETRIED_S).text == "patience"
    wait_for(
        lambda: alice.address not in machine.queue() + other_machine.queue(),
        "the queues are empty",
        within_s=10,
    )
    assert [letter.text for letter in carol.inbox()] == ["patience"]


def _submits_anew(person: Person) -> None:
    """Log in for submission again, beside the open sessions."""
    with submission(person.target, person.domain, person.address, person.password) as session:
        session.noop()


def _can_submit(person: Person) -> bool:
    try:
        _submits_anew(person)
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _code(alice: Person, bob: Person, text: str) -> int:
    """Return the reply to a message in the session that was already open."""
    try:
        return alice.submits(alice.writes(bob, text=text), bob).code
    except aiosmtplib.SMTPServerDisconnected:
        return 421
