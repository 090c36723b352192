"""A SIGKILL of any daemon loses no accepted mail."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import aiosmtplib
import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.waiting import is_open, wait_for
from conftest import PersonFactory
from imapclient.exceptions import IMAPClientError

SENDERS = 20
EACH = 10  # the burst limit of one address
PATIENCE_S = 60


@pytest.mark.disturbs
@pytest.mark.parametrize(
    "unit",
    [
        "postfix",
        "dovecot",
        "chatmail-filter",
        "chatmail-accounts",
        "chatmail-transport",
        "unbound",
        "nginx",
    ],
)
def test_accepted_mail_arrives(
    unit: str, bob: Person, carol: Person, new_person: PersonFactory, machine: Machine
) -> None:
    """200 messages to both relays while a service is killed and restarted."""
    senders = [new_person(bob.domain) for _ in range(SENDERS)]
    for sender in senders:
        wait_for(partial(_is_connected, sender), "all daemons are back after the last kill")
    everything = {f"{sender.name} {number}" for sender in senders for number in range(EACH)}

    with ThreadPoolExecutor(SENDERS) as pool:
        streams = [pool.submit(_stream, sender, bob, carol) for sender in senders]
        wait_for(lambda: any(stream.running() for stream in streams), "a start")
        machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=all", unit)
        accepted = {text for stream in streams for text in stream.result(timeout=PATIENCE_S * 2)}

    assert everything == accepted
    for recipient in (bob, carol):
        recipient.leaves()
        missing = _missing(recipient, everything, machine)
        assert set() == missing, f"{len(missing)} of {len(everything)} at {recipient.domain}"
    wait_for(partial(is_open, bob.domain, 25, 443, 465, 587, 993), "all ports")


def _is_connected(sender: Person) -> bool:
    try:
        sender.smtp.noop()
    except (aiosmtplib.SMTPException, OSError):
        sender.leaves()
        return False
    return True


def _stream(sender: Person, *recipients: Person) -> Sequence[str]:
    """Return the accepted texts; retry the others, as clients do."""
    accepted = []
    deadline_s = time.monotonic() + PATIENCE_S
    for number in range(EACH):
        text = f"{sender.name} {number}"
        message = sender.writes(*recipients, text=text)
        while time.monotonic() < deadline_s:
            try:
                reply = sender.submits(message, *recipients)
            except (aiosmtplib.SMTPException, OSError):
                sender.leaves()
            else:
                assert reply.code < 500, reply
                if reply.code == 250:
                    accepted.append(text)
                    break
            time.sleep(0.5)  # a client's pause before its retry
    return accepted


def _missing(recipient: Person, everything: set[str], machine: Machine) -> set[str]:
    """Return the texts that did not arrive in time."""

    def complete() -> bool:
        with contextlib.suppress(CommandFailedError):  # Postfix is not back yet
            machine.run("postqueue", "-f")
        try:
            missing.difference_update(letter.text for letter in recipient.inbox())
        except (IMAPClientError, OSError) as error:  # its service is not back yet
            print(f"{recipient.domain}, {len(missing)} missing: {error!r}")
            recipient.leaves()
        return not missing

    missing = set(everything)
    with contextlib.suppress(TimeoutError):
        wait_for(complete, "all messages", within_s=PATIENCE_S)
    return missing
