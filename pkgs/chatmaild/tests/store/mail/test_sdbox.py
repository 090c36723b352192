"""The files of an sdbox, as Dovecot 2.4 writes them."""

import os
import pathlib
import struct

import pytest

from chatmaild.store.mail import scan, sdbox
from chatmaild.store.mail.sdbox import Folder
from chatmaild.store.maildir import Message


def test_messages_of_all_folders_are_found(tmp_path: pathlib.Path) -> None:
    """Nested folders, names in UTF-7, deliveries that have not ended; nothing else."""
    inbox = tmp_path / "mailboxes/INBOX/dbox-Mails"
    nested = tmp_path / "mailboxes/Work/&AOQ-b/dbox-Mails"
    for folder in (inbox, nested):
        folder.mkdir(parents=True)
    for name in ("u.7", ".temp.host.1.2", "u.0", "u.07", "u.x", "dovecot.index", "u.9.broken"):
        (inbox / name).write_bytes(b"x" * 770)
        os.utime(inbox / name, (5, 5))
    (nested / "u.4294967295").touch()
    (inbox / "u.8").symlink_to("u.7")

    assert sorted(sdbox.folders(str(tmp_path))) == [
        Folder("INBOX", str(inbox)),
        Folder("Work/äb", str(nested)),
    ]
    found = {message.uid: message for message in scan(str(tmp_path))}
    assert set(found) == {0, 7, 4294967295}
    assert found[7] == Message(f"{inbox}/u.7", "sdbox", 5.0, 780, "INBOX", 7)
    assert found[0].part == "tmp"
    assert found[4294967295].folder == "Work/äb"


def test_both_formats_are_found(tmp_path: pathlib.Path) -> None:
    """While a mailbox is converted."""
    (tmp_path / "mailboxes/INBOX/dbox-Mails").mkdir(parents=True)
    (tmp_path / "mailboxes/INBOX/dbox-Mails/u.1").touch()
    (tmp_path / "cur").mkdir()
    (tmp_path / "cur/1.M1P1.host,S=3:2,").touch()

    assert sorted(message.part for message in scan(str(tmp_path))) == ["cur", "sdbox"]


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("INBOX", "INBOX"),
        ("R&-D", "R&D"),
        ("&ZeVnLIqe-", "日本語"),
        ("&2D3eAA-", "😀"),
        ("&A-", "&A-"),
        ("a&b", "a&b"),
    ],
)
def test_names_are_decoded(directory: str, name: str) -> None:
    """Modified UTF-7 (RFC 3501, section 5.1.3); what is none stays."""
    assert sdbox.decoded(directory) == name


@pytest.mark.parametrize(
    ("content", "has_deleted"),
    [
        (struct.pack("=BBBBIIIIII", 1, 8, 2, 0, 1, 1, 10, 2372, 0, 32), False),
        (struct.pack("=BBBBIIIIII", 1, 8, 2, 0, 1, 1, 10, 2372, 1, 32), True),
        (b"", True),
        (b"short", True),
        (None, False),
    ],
)
def test_deleted_headers_are_noticed(
    tmp_path: pathlib.Path, content: bytes | None, has_deleted: bool
) -> None:
    """By the count in the header of the cache."""
    if content is not None:
        (tmp_path / "dovecot.index.cache").write_bytes(content)

    assert sdbox.has_deleted_headers(Folder("INBOX", str(tmp_path))) is has_deleted
