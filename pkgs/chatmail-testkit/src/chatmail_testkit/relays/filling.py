"""Fill mailboxes with messages that take no space: sparse files of an sdbox."""

from __future__ import annotations

from typing import Final

from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine

MAIL: Final = "/var/lib/chatmail/mail"
# the format is that of Dovecot 2.4, lib-storage/index/dbox-common/dbox-file.h
PROGRAM: Final = r"""
import os, secrets, shutil, sys, time

folder, number, size_bytes, stored_s = sys.argv[1], *map(int, sys.argv[2:])
os.umask(0o077)
os.makedirs(folder, exist_ok=True)
uids = [int(name[2:]) for name in os.listdir(folder) if name.startswith("u.")]
for uid in range(max(uids, default=0) + 1, max(uids, default=0) + 1 + number):
    path, when_s = f"{folder}/u.{uid}", stored_s + uid
    head = b"2 M1e C%x\n\1\2N %8s %016X\n" % (when_s, b"", size_bytes)
    guid = secrets.token_hex(16).encode()
    with open(path, "wb") as file:
        file.write(head)
        file.seek(len(head) + size_bytes)
        file.write(b"\n\1\3\nR%x\nV%x\nG%s\n\n" % (when_s, size_bytes, guid))
    os.utime(path, (when_s, when_s))
for place in (folder, os.path.dirname(folder), os.path.dirname(os.path.dirname(folder))):
    shutil.chown(place, "vmail", "vmail")
for name in os.listdir(folder):
    shutil.chown(f"{folder}/{name}", "vmail", "vmail")
"""


def folder(person: Person, name: str = "INBOX") -> str:
    """Returns the directory with the messages of a folder, `u.1` and so on."""
    return f"{MAIL}/{person.address}/mailboxes/{name}/dbox-Mails"


def fill(
    person: Person, machine: Machine, number: int, size_bytes: int, *, stored_s: float
) -> None:
    """Adds messages of a size and a time, one second apart; the person's sessions end.

    Dovecot takes them when it makes its index anew.
    """
    person.leaves()
    machine.run(
        *("python3", "-c", PROGRAM, folder(person), str(number), str(size_bytes)),
        str(int(stored_s)),
    )
    machine.run("doveadm", "force-resync", "-u", person.address, "INBOX")
