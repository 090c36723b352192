"""Addresses for each network, folders and messages for each address have a limit."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chatmail_testkit.mail.reply import transaction
from chatmail_testkit.mail.sessions import submission
from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import ANSWER_S
from imapclient.exceptions import IMAPClientError

pytestmark = pytest.mark.disturbs
USUAL = Path(__file__).parents[1] / "lab.nix"
FEW = Path(__file__).parent / "few-addresses.nix"
BURST, PER_S = 5, 2
MAX_FOLDERS = 50
INODES_OF_A_FOLDER = 10
MAX_MESSAGES = 1000
CROWD, STRANGER = "192.0.2.203", "192.0.2.204"
SMALL = b"x: y\r\n\r\n"


@pytest.fixture(scope="module")
def few(lab: LabTarget) -> Iterator[LabTarget]:
    """Relays with small limits."""
    for ip in (CROWD, STRANGER):
        subprocess.run(["ip", "address", "add", f"{ip}/24", "dev", "eth0"], check=True)
    lab.reconfigure(FEW)
    try:
        yield lab
    finally:
        lab.reconfigure(USUAL)
        for ip in (CROWD, STRANGER):
            subprocess.run(["ip", "address", "delete", f"{ip}/24", "dev", "eth0"], check=True)


def test_first_logins(few: LabTarget, relay: str) -> None:
    """Forty at once from one IP address: five, and then two a second; elsewhere nobody waits."""
    started_s = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        crowd = [pool.submit(_first_login, few, relay, CROWD) for _ in range(40)]
        assert _first_login(few, relay, STRANGER)
        waiting = sum(not future.done() for future in crowd)
        made = sum(future.result() for future in crowd)
    took_s = time.monotonic() - started_s

    assert BURST <= made <= BURST + PER_S * took_s + 1
    assert made < 40
    assert waiting > len(crowd) / 2


def test_folders(alice: Person, machine: Machine, relay: str) -> None:
    """CREATE says NO, and the inodes of the mailbox are as few as the folders."""
    # INBOX is the first one, and a parent counts, too
    alice.imap.create_folder("parent/child")
    for number in range(3, MAX_FOLDERS):
        alice.imap.create_folder(f"folder{number}")
    with pytest.raises(IMAPClientError, match="LIMIT"):
        alice.imap.create_folder("one-more")

    path = machine.run("find", "/var/lib/chatmail/mail", "-maxdepth", "1", "-name", alice.address)
    inodes = machine.run("find", path.strip()).splitlines()
    assert len(inodes) < INODES_OF_A_FOLDER * MAX_FOLDERS


def test_messages(few: LabTarget, alice: Person, bob: Person) -> None:
    """Without a byte of content worth counting, the number is the limit; APPEND and mail end."""
    for _ in range(MAX_MESSAGES):
        alice.imap.append("INBOX", SMALL)
    with pytest.raises(IMAPClientError, match="OVERQUOTA"):
        alice.imap.append("INBOX", SMALL)

    assert len(alice.imap.search("ALL")) == MAX_MESSAGES
    with submission(few, bob.domain, bob.address, bob.password) as session:
        reply = transaction(session, bob.address, [alice.address], bob.writes(alice))
    assert (reply.code, reply.text[:5]) in {(552, "5.2.2"), (250, "2.0.0")}


def _first_login(lab: LabTarget, relay: str, source: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host = ip_address(lab, relay, socket.AF_INET)
    raw = socket.create_connection((host, 993), ANSWER_S, source_address=(source, 0))
    with context.wrap_socket(raw) as stream, stream.makefile("rwb") as lines:
        lines.readline()
        lines.write(f'a LOGIN "{new_name()}@{relay}" "{new_password()}"\r\n'.encode())
        lines.flush()
        answer = next((line for line in lines if line.startswith(b"a ")), b"")
        return answer.startswith(b"a OK")
