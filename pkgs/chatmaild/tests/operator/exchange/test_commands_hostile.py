"""`chatmail import` of a tree that somebody has prepared."""

import os
import pathlib
import time

from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes

from ..conftest import Chatmail
from .old_relay import OldRelay, message_files

ALICE = parse_address("alice1234@chat.example.org")


def test_hostile_trees(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """Nothing is followed, nothing blocks, nothing aborts; each reason is one line."""
    secret = tmp_path / "shadow"
    secret.write_text("root:secret:\n")
    home = old.address(str(ALICE))
    good = old.message(home, "good")
    stamp = f"{int(time.time())}.M9"
    (home / "cur" / f"{stamp}1.h").symlink_to(secret)
    os.link(secret, home / "cur" / f"{stamp}2.h")
    os.mkfifo(home / "cur" / f"{stamp}3.h")
    (home / "cur" / f"{stamp}4.h\nx").write_text("x")
    (home / "cur" / "-rf").write_text("x")
    (home / "cur" / f"{stamp}5.h").touch()
    (home / "cur" / f"{stamp}6.h,S=9").write_bytes(b"\x1f\x8b damaged")
    with (home / "cur" / f"{stamp}7.h").open("wb") as huge:
        huge.truncate(1 << 36)
    (home / "metadata.json").symlink_to(secret)
    (home / ".Link").symlink_to("/etc")
    for name in ("a\nb@chat.example.org", "UPPER1234@chat.example.org", "-x@other.org", "lost"):
        (old.mail / name).mkdir()
    (old.mail / "link12345@chat.example.org").symlink_to(home)
    os.mkfifo(old.mail / "fifo12345@chat.example.org")
    hard = old.address("hard12345")
    (hard / "password").unlink()
    os.link(secret, hard / "password")

    code, said = chatmail("import", str(old.root))

    assert code == 0, said
    assert list(mailboxes.addresses()) == [ALICE]
    assert list(message_files(mailboxes.path(ALICE))) == [f"cur/{good.name}"]
    assert not (mailboxes.path(ALICE) / "metadata.json").exists()
    text = "\n".join(said)
    assert "secret" not in text
    assert all(line.isprintable() for line in said)
    for reason in ("a symbolic link", "a FIFO", "a hard link", "empty", "damaged compression"):
        assert reason in text, reason


def test_copies_that_a_client_made_come(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes
) -> None:
    """They are hard links within the mailbox."""
    home = old.address(str(ALICE))
    message = old.message(home)
    (home / ".Saved" / "cur").mkdir(parents=True)
    os.link(message, home / ".Saved" / "cur" / f"9{message.name}")

    chatmail("import", str(old.root))

    assert len(message_files(mailboxes.path(ALICE))) == 2
