"""`chatmail import` of a tree that somebody has prepared."""

import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.operator.exchange.importing import Importer, Kind
from chatmaild.operator.exchange.upstream import mailbox
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones

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


def test_settings_are_shown_on_one_line(old: OldRelay, chatmail: Chatmail) -> None:
    """A terminal obeys control characters."""
    old.address(str(ALICE))
    old.ini(privacy_postal="\x1b]0;x\x07Stra\u00dfe 1\n  \x9b2J", mail_domain="\x1b[2Jx.org")
    refused, error = chatmail("import", str(old.root), "--dry-run")
    old.ini(privacy_postal="\x1b]0;x\x07Stra\u00dfe 1\n  \x9b2J")
    code, said = chatmail("import", str(old.root), "--dry-run")

    assert (refused, code) == (1, 0)
    assert all(line.isprintable() for line in error + said), error + said
    assert any("web.contact.postal" in line for line in said)


def test_damaged_tokens_stop_no_import(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes
) -> None:
    """Neither brackets without end nor numbers without end."""
    deep = old.address(str(ALICE))
    (deep / "metadata.json").write_text("[" * 500_000)
    large = old.address("bob-56789")
    (large / "metadata.json").write_text('{"devicetoken": {"a": 1e999}}')

    code, said = chatmail("import", str(old.root))

    assert (code, len(list(mailboxes.addresses()))) == (0, 2), said


def test_names_with_wrong_sizes_replace_no_message(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes
) -> None:
    """Without the sizes, two names may be one: here, and among those that come."""
    home = old.address(str(ALICE))
    stamp = int(time.time())
    (home / "cur" / f"{stamp}.M1.h:2,S").write_text("first\n")
    chatmail("import", str(old.root))
    for size in (501, 502):
        (home / "cur" / f"{stamp}.M1.h,S={size}:2,S").write_text(f"{size}\n")
    code, said = chatmail("import", str(old.root))
    again, repeated = chatmail("import", str(old.root))

    assert (code, again) == (0, 0), said + repeated
    found = message_files(mailboxes.path(ALICE))
    assert sorted(found.values()) == [b"501\n", b"502\n", b"first\n"], found


def test_an_address_that_is_deleted_meanwhile_does_not_come_back(
    old: OldRelay,
    chatmail: Chatmail,
    mailboxes: Mailboxes,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a new one before it gets its name, nor the directory of one that came before."""
    bob = parse_address("bob-56789@chat.example.org")
    old.message(old.address(str(bob)))
    chatmail("import", str(old.root))
    old.message(old.mail / str(bob), "more")
    old.message(old.address(str(ALICE)))

    def read_and_delete(*arguments: object) -> object:
        found = mailbox.read(*arguments)  # type: ignore[arg-type]
        deleting.append(found)
        return found

    deleting: list[object] = []
    kind = Importer.kind

    def kind_and_delete(importer: Importer, old: OldMailbox | None) -> Kind:
        found = kind(importer, old)
        if old is not None and deleting:
            Tombstones.of(settings).add(old.address, now_s=time.time())
            mailboxes.delete(old.address)
        return found

    monkeypatch.setattr("chatmaild.operator.exchange.importing.read", read_and_delete)
    monkeypatch.setattr(Importer, "kind", kind_and_delete)
    code, said = chatmail("import", str(old.root))

    assert code == 0, said
    assert "not taken   2: deleted here lately" in said
    assert list(mailboxes.directory.iterdir()) == []
