"""`chatmail import` into a mailbox in use that is sdbox: through Dovecot, and once."""

import json
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import DovecotError, FullError
from chatmaild.store.mailboxes import Mailboxes

from ...conftest import Chatmail
from ..old_relay import OldRelay, uids
from .fake import FakeDovecot, state

ALICE = parse_address("alice1234@chat.example.org")
NAME = str(ALICE)
VALIDITY = 1700000000


@pytest.fixture
def home(old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot) -> pathlib.Path:
    """The old mailbox, which was imported with two messages and converted."""
    directory = old.address(NAME)
    first, second = old.message(directory, "first"), old.message(directory, "second", flags="")
    uids(directory, first, second, first=7)
    chatmail("import", str(old.root))
    dovecot.convert(NAME)
    return directory


def _imported(chatmail: Chatmail, old: OldRelay) -> dict[str, int]:
    code, said = chatmail("import", str(old.root), "--json")
    document: dict[str, dict[str, int]] = json.loads(said[-1])
    assert code == 0
    return document["imported"]


def test_nothing_new_asks_dovecot_for_nothing(
    home: pathlib.Path,
    old: OldRelay,
    chatmail: Chatmail,
    dovecot: FakeDovecot,
    mailboxes: Mailboxes,
) -> None:
    """And changes no file."""
    before = state(mailboxes.path(ALICE))

    assert _imported(chatmail, old)["known"] == 1
    assert (dovecot.commands, state(mailboxes.path(ALICE))) == ([], before)


def test_new_messages_get_their_uids(
    home: pathlib.Path, old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot
) -> None:
    """Flags and times come with them, also into a new folder; flags of earlier ones are added."""
    first, second = sorted((home / "cur").iterdir())
    third = old.message(home, "third", flags="FSa", age_s=500)
    (home / "dovecot-keywords").write_text("0 $Forwarded\n")
    uids(home, first, second.rename(f"{second}R"), third, first=7, next_uid=20)
    saved = old.message(home, "saved", folder=".Saved.B&AOQ-r")
    (home / ".Saved.B&AOQ-r/dovecot-uidlist").write_text(f"3 V5 N8\n6 :{saved.name}\n")

    done = _imported(chatmail, old)

    assert (done["messages"], done["flags"], done["wrong"]) == (2, 1, 0)
    assert dovecot.texts(NAME) == {7: "first", 8: "second", 9: "third"}
    inbox = dovecot.boxes[NAME, "INBOX"]
    assert (inbox.validity, inbox.next_uid) == (VALIDITY, 20)
    assert inbox.flags[9] == {r"\Flagged", r"\Seen", "$Forwarded"}
    assert inbox.flags[8] == {r"\Answered"}
    file = dovecot.mail / NAME / "mailboxes/INBOX/dbox-Mails/u.9"
    assert file.stat().st_mtime == third.stat().st_mtime
    assert dovecot.texts(NAME, "Saved/Bär") == {6: "saved"}
    assert dovecot.boxes[NAME, "Saved/Bär"].validity == 5
    assert not list(dovecot.mail.glob(".deleted-*"))
    dovecot.commands.clear()
    assert _imported(chatmail, old)["messages"] == 0
    assert dovecot.commands == []


def test_no_message_hides_behind_a_uid_that_clients_have_seen(
    home: pathlib.Path, old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot
) -> None:
    """A message of this relay gets a new UID, also if the copy was made and the rest was not."""
    assert dovecot.put(NAME, b"\nmine", "ab" * 16, flags={r"\Seen"}) == 9
    uids(home, *sorted((home / "cur").iterdir()), old.message(home, "third"), first=7, next_uid=15)
    dovecot.errors["renumber"] = KeyboardInterrupt()
    assert "interrupted" in chatmail("import", str(old.root))[1][-1]
    dovecot.errors.clear()
    assert list(dovecot.texts(NAME).values()).count("mine") == 2

    _imported(chatmail, old)

    texts = dovecot.texts(NAME)
    assert sorted(texts.values()) == ["first", "mine", "second", "third"]
    by_text = {text: uid for uid, text in texts.items()}
    assert min(by_text["mine"], by_text["third"]) >= 15
    assert dovecot.boxes[NAME, "INBOX"].flags[by_text["mine"]] == {r"\Seen"}


@pytest.mark.parametrize("loses_note", [False, True])
def test_an_import_may_be_killed_anywhere(
    home: pathlib.Path,
    old: OldRelay,
    chatmail: Chatmail,
    dovecot: FakeDovecot,
    mailboxes: Mailboxes,
    loses_note: bool,
) -> None:
    """The next one brings the rest, nothing twice; SIGKILL leaves no note of what came."""
    for number in range(3):
        old.message(home, f"new {number}", flags="S")
    note = mailboxes.path(ALICE) / "imported"
    for commands in range(1, 12):
        before = note.read_bytes()
        dovecot.commands.clear()
        dovecot.fails_after = commands
        chatmail("import", str(old.root))
        if loses_note and len(dovecot.commands) >= commands:
            note.write_bytes(before)
    dovecot.fails_after = 1000
    _imported(chatmail, old)

    texts = dovecot.texts(NAME)
    assert sorted(texts.values()) == ["first", "new 0", "new 1", "new 2", "second"]
    flags = {texts[uid]: found for uid, found in dovecot.boxes[NAME, "INBOX"].flags.items()}
    assert all(flags[f"new {number}"] == {r"\Seen"} for number in range(3))


def test_what_was_deleted_here_stays_so(
    home: pathlib.Path, old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot
) -> None:
    """Also if another message comes, and when the message is read there."""
    dovecot.expunge(NAME, "INBOX", [8])
    (second,) = (path for path in (home / "cur").iterdir() if path.name.endswith(":2,"))
    second.rename(f"{second}S")
    old.message(home, "third")

    assert _imported(chatmail, old)["messages"] == 1
    assert sorted(dovecot.texts(NAME).values()) == ["first", "third"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FullError(), "its mailbox is full here: import again later"),
        (DovecotError(), "Dovecot could not change its mailbox"),
    ],
)
def test_a_refusal_stops_one_mailbox_only(
    home: pathlib.Path,
    old: OldRelay,
    chatmail: Chatmail,
    dovecot: FakeDovecot,
    mailboxes: Mailboxes,
    error: BaseException,
    reason: str,
) -> None:
    """The next import brings the rest."""
    old.message(home, "third")
    old.address("zoe-12345")
    dovecot.errors["save"] = error

    code, said = chatmail("import", str(old.root))

    assert code == 0
    assert any(reason in line for line in said), said
    assert mailboxes.exists(parse_address("zoe-12345@chat.example.org"))
    dovecot.errors.clear()
    assert _imported(chatmail, old)["messages"] == 1


def test_damage_is_noticed(
    home: pathlib.Path,
    old: OldRelay,
    chatmail: Chatmail,
    dovecot: FakeDovecot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message whose file has another size."""
    put = dovecot.put

    def cut(account: str, text: bytes, identity: str, *more: object, **others: object) -> int:
        return put(account, text[:-3], identity, *more, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(dovecot, "put", cut)
    old.message(home, "third")
    old.message(home, "unreadable").write_bytes(b"\x1f\x8bx")

    code, said = chatmail("import", str(old.root))

    assert code == 1
    assert "verified    1 messages are NOT on disk as they were written" in said


def test_line_ends_are_one_byte(
    home: pathlib.Path, old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot
) -> None:
    """Dovecot stores them so, and the size is right nevertheless."""
    path = old.message(home, "third", compressed=False)
    path.write_bytes(b"Subject: [...]\r\n\r\nthird\r\n")
    os.utime(path, (time.time() - 60, time.time() - 60))

    assert _imported(chatmail, old)["wrong"] == 0
