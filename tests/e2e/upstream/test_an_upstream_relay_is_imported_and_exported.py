"""`chatmail import` reads a relay of chatmail/relay while this one runs; `export` goes back."""

from __future__ import annotations

import base64
import gzip
import io
import json
import secrets
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import CommandFailedError, Machine
from chatmail_testkit.traces.ledger import record
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

OLD, NEW = "/root/old-relay", "/root/exported"
QUEUE = "/var/lib/postfix/queue"
MAILBOXES = "/var/lib/chatmail/mail"
KEY = "/var/lib/chatmail/dkim/opendkim.private"
DAY_S = 86400
VALIDITY = 1700000000


class OldRelay:
    """The tree of an upstream relay on the machine, with the layout and forms that it has there."""

    def __init__(self, machine: Machine, domain: str) -> None:
        self._machine = machine
        self.mail = f"home/vmail/mail/{domain}"
        self._files: dict[str, tuple[bytes, float]] = {}

    def add(self, path: str, content: bytes | str, *, age_s: float = 0) -> None:
        """A file, below the mailboxes if its path has no slash at its start."""
        data = content.encode() if isinstance(content, str) else content
        name = path.lstrip("/") if path.startswith("/") else f"{self.mail}/{path}"
        self._files[name] = (data, time.time() - age_s)

    @staticmethod
    def name(unique: str, raw: bytes) -> str:
        """The name of a message without flags; sizes are those with LF and with CRLF."""
        size = len(raw.replace(b"\r\n", b"\n"))
        return f"{int(time.time()) - 3600}.{unique},S={size},W={len(raw)}"

    def store(self, home: str, part: str, name: str, flags: str, raw: bytes) -> None:
        """The file of a message."""
        plain = raw.replace(b"\r\n", b"\n")
        suffix = f":2,{flags}" if part == "cur" else ""
        self.add(f"{home}/{part}/{name}{suffix}", gzip.compress(plain), age_s=3600)

    def write(self) -> None:
        """Write the whole tree anew."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, (data, modified_s) in self._files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime, entry.mode = len(data), int(modified_s), 0o600
                tar.addfile(entry, io.BytesIO(data))
        command = f"rm -rf {OLD}; mkdir {OLD}; tar -x -C {OLD}"
        self._machine.run("sh", "-c", command, stdin=buffer.getvalue())

    def uids(self, home: str, *rows: tuple[int, str], next_uid: int) -> None:
        """Dovecot's list of UIDs."""
        lines = [f"3 V{VALIDITY} N{next_uid} G3085f01b7f11094c501100008c4a11c1"]
        lines += [f"{uid} :{name}" for uid, name in rows]
        self.add(f"{home}/dovecot-uidlist", "\n".join(lines) + "\n")


@pytest.fixture
def old(machine: Machine, relay: str) -> Iterator[OldRelay]:
    """A tree; it and the export are removed afterwards, because they hold addresses."""
    yield OldRelay(machine, relay)
    machine.run("rm", "-rf", OLD, NEW, KEY, "/var/lib/chatmail/imported-queue")


def _chatmail(machine: Machine, *command: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(machine.run("chatmail", *command, "--json"))
    return document


def _hash(machine: Machine, password: str) -> str:
    """What upstream's doveauth stores."""
    return machine.run("doveadm", "pw", "-s", "SHA512-CRYPT", "-p", password).strip()


@pytest.mark.one_machine("each store imports the addresses that it is to have")
def test_people_find_their_mail(
    old: OldRelay, alice: Person, new_person: PersonFactory, machine: Machine
) -> None:
    """With the old password, UIDs, flags and tokens; a repeat adds what is new."""
    bob = new_person(alice.domain)
    home, token = bob.address, f"openpgp:{secrets.token_hex(8)}"
    record("device token", token)
    letters = [alice.writes(bob, text=text) for text in ("seen", "unseen", "later")]
    names = [old.name(f"M{number}P1.old", raw) for number, raw in enumerate(letters)]
    old.add(f"{home}/password", _hash(machine, bob.password), age_s=2 * DAY_S)
    old.add(f"{home}/enforceE2EEincoming", "")
    old.add(f"{home}/metadata.json", json.dumps({"devicetoken": {token: int(time.time())}}))
    old.store(home, "cur", names[0], "FS", letters[0])
    old.store(home, "new", names[1], "", letters[1])
    old.uids(home, (11, names[0]), (14, names[1]), next_uid=15)
    old.add("bad\nname@x/password", "x")
    key = machine.run("openssl", "genrsa", "-traditional", "2048")
    old.add("/etc/dkimkeys/opendkim.private", key)
    old.write()

    found = _chatmail(machine, "import", OLD, "--dry-run")["found"]
    assert (found["addresses"]["new"], found["messages"]) == (1, 2)
    assert sum(found["notTaken"].values()) == 1
    with pytest.raises(CommandFailedError):
        machine.run("ls", f"{MAILBOXES}/{home}")
    imported = _chatmail(machine, "import", OLD)["imported"]

    assert (imported["addresses"], imported["messages"], imported["wrong"]) == (1, 2, 0)
    assert machine.run("cat", KEY) == key
    # it came as a maildir; a conversion ends sessions
    wait_for(lambda: _has_format(machine, home), "its conversion to sdbox")
    _finds_the_old_mailbox(bob, token)
    stored = machine.run("cat", f"{MAILBOXES}/{home}/password")
    assert stored.startswith("$y$")  # its hash is renewed by the login

    # the session is open, and goes on: Dovecot adds what comes
    bob.imap.delete_messages([11])
    bob.imap.expunge()
    alice.sends(bob, text="meanwhile")
    assert bob.receives().text == "meanwhile"
    assert _chatmail(machine, "import", OLD)["imported"]["messages"] == 0
    old.store(home, "new", names[2], "", letters[2])
    old.uids(home, *zip((11, 14, 15), names, strict=True), next_uid=16)
    old.write()
    assert _chatmail(machine, "import", OLD)["imported"]["messages"] == 1
    texts = {letter.text for letter in bob.inbox()}
    assert texts == {"unseen", "meanwhile", "later"}
    assert len(bob.imap.search("ALL")) == 3
    # clients of the old relay have seen UID 15: no other message hides behind it
    assert min(set(bob.imap.search("ALL")) - {14}) > 15
    assert machine.run("cat", f"{MAILBOXES}/{home}/password") == stored

    _goes_back(bob, machine)


@pytest.mark.one_machine("a store, which imports, has no queue")
def test_queued_mail_passes_the_rules(
    old: OldRelay, alice: Person, bob: Person, machine: Machine
) -> None:
    """A file that Postfix made is sent again, once; unsigned mail for an address is refused."""
    alice.sends("somebody1@private.test")  # waits: its server has a private IP address
    queue_id = wait_for(lambda: _deferred(machine, alice), "it waits")
    assert queue_id is not None
    file = machine.run("sh", "-c", f"base64 {QUEUE}/deferred/*/{queue_id}")
    machine.run("postsuper", "-d", queue_id)
    waiting = base64.b64decode(file)
    unsigned = waiting.replace(alice.address.encode(), b"x" * len(alice.address))
    unsigned = unsigned.replace(
        b"somebody1@private.test", bob.address.rjust(22, "0")[-22:].encode()
    )
    old.add(f"/var/spool/postfix/deferred/{queue_id[0]}/{queue_id}", waiting)
    old.add("/var/spool/postfix/deferred/F/F00", unsigned)
    old.add(f"{alice.address}/password", "")
    old.write()

    document = _chatmail(machine, "import", OLD, "--queue")
    assert document["imported"]["queue"] == {"outgoing": 1, "incoming": 0, "before": 0}, document
    again = _chatmail(machine, "import", OLD, "--queue")["imported"]["queue"]
    new_id = wait_for(lambda: _deferred(machine, alice), "it waits again")

    assert again == {"outgoing": 0, "incoming": 0, "before": 1}
    assert new_id not in (None, queue_id)
    machine.run("postsuper", "-d", str(new_id))


def _has_format(machine: Machine, account: str) -> bool:
    return "mailboxes" in machine.run("find", f"{MAILBOXES}/{account}", "-maxdepth", "1")


def _deferred(machine: Machine, sender: Person) -> str | None:
    """The only message of a person that waits."""
    found = [json.loads(line) for line in machine.run("postqueue", "-j").splitlines()]
    ids = [
        one["queue_id"]
        for one in found
        if one["sender"] == sender.address and one["queue_name"] == "deferred"
    ]
    assert len(ids) < 2
    return str(ids[0]) if ids else None


def _finds_the_old_mailbox(bob: Person, token: str) -> None:
    """With the old password."""
    status = bob.imap.folder_status("INBOX", ["UIDVALIDITY", "UIDNEXT"])
    assert status == {b"UIDVALIDITY": VALIDITY, b"UIDNEXT": 15}
    flags = {uid: set(found) for uid, found in bob.imap.get_flags([11, 14]).items()}
    assert {b"\\Seen", b"\\Flagged"} <= flags[11]
    assert not {b"\\Seen", b"\\Flagged"} & flags[14]
    assert [letter.text for letter in bob.inbox()] == ["seen", "unseen"]
    bob.last_uid = 14
    assert bob.imap.get_metadata("INBOX", DEVICE_TOKEN) == {DEVICE_TOKEN: token}


def _goes_back(bob: Person, machine: Machine) -> None:
    """Upstream's Dovecot verifies the exported hash, and finds messages by its rules."""
    _chatmail(machine, "export", NEW)
    home = f"{NEW}/home/vmail/mail/{bob.domain}/{bob.address}"
    encoded = machine.run("cat", f"{home}/password")
    assert encoded.startswith("{CRYPT}$y$")
    assert "verified" in machine.run("doveadm", "pw", "-t", encoded, "-p", bob.password)
    there = machine.run("sh", "-c", f"cd {home}; cat dovecot-uidlist; ls cur new").splitlines()
    assert there[0].startswith(f"3 V{VALIDITY} ")
    uids = {int(line.split()[0]): line.partition(" :")[2] for line in there[1:] if " :" in line}
    assert set(bob.imap.search("ALL")) == set(uids)
    names = {line.partition(":")[0] for line in there[1:] if ",S=" in line and " :" not in line}
    assert names == {name.partition(":")[0] for name in uids.values()}
    machine.run("rm", "-rf", NEW)
