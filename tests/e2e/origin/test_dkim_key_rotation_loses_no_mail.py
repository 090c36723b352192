"""Rotation of the DKIM key in the documented steps (publish, wait, switch) loses no mail."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosmtplib
import pytest
from chatmail_testkit.people.person import Letter, Person
from chatmail_testkit.people.stream import stream as send
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for

STEPS = Path(__file__).with_name("rotation")
USUAL = Path(__file__).parents[1] / "lab.nix"
SMTP = 25
PATIENCE_S = 60


@pytest.fixture
def rotation(lab: LabTarget) -> Iterator[LabTarget]:
    """The lab; its usual configuration is restored afterwards."""
    yield lab
    lab.reconfigure(USUAL)


@pytest.mark.disturbs
def test_rotation(
    rotation: LabTarget,
    alice: Person,
    bob: Person,
    carol: Person,
    dora: Person,
    machine: Machine,
) -> None:
    """Mail from before, during and after the switch arrives with a valid signature.

    Dora's server records the signatures. It is unreachable until the new key signs.
    """
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(send, bob, carol, over)
        try:
            with closed(machine, SMTP):
                alice.sends(dora, text="before")
                rotation.reconfigure(STEPS / "published.nix")
                _sends_again(alice, dora, "next key published")
                rotation.reconfigure(STEPS / "switched.nix")
            _sends_again(alice, dora, "next key signs")
        finally:
            over.set()
        accepted = stream.result(timeout=PATIENCE_S)

    letters = _letters(dora, 3, machine)
    assert {letter.text: _verdict(letter) for letter in letters} == {
        "before": ("pass", "chatmail"),
        "next key published": ("pass", "chatmail"),
        "next key signs": ("pass", "next"),
    }
    arrived = [letter.text for letter in _letters(carol, len(accepted), machine)]
    assert len(set(arrived)) == len(arrived)
    assert set(accepted) - set(arrived) == set()
    bob.leaves()
    assert bob.inbox() == []  # no bounce


def _verdict(letter: Letter) -> tuple[str, str]:
    """Return the verdict of Dora's OpenDKIM and the selector."""
    words = letter.headers["Authentication-Results"]
    verdict = re.search(r"dkim=([a-z]+)", words)
    selector = re.search(r"header[.]s=([a-z]+)", words)
    assert verdict is not None, words
    assert selector is not None, words
    return verdict[1], selector[1]


def _sends_again(sender: Person, recipient: Person, text: str) -> None:
    """Retry until the relay accepts; its services have just restarted."""

    def accepted() -> bool:
        sender.leaves()
        try:
            reply = sender.submits(sender.writes(recipient, text=text), recipient)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return reply.code == 250

    wait_for(accepted, "the relay takes a message", within_s=PATIENCE_S)


def _letters(person: Person, count: int, machine: Machine) -> list[Letter]:
    """Return all mail of a person once `count` messages are there."""

    def complete() -> list[Letter] | None:
        machine.run("postqueue", "-f")
        letters = person.inbox()
        return letters if len(letters) >= count else None

    person.leaves()
    letters = wait_for(complete, f"{count} messages for {person.domain}", within_s=PATIENCE_S)
    assert letters is not None
    return letters
