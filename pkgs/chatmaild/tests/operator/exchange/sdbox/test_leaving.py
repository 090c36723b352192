"""`chatmail export` of mailboxes that are sdbox: as a maildir, and they stay as they are."""

import json
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import DovecotError
from chatmaild.store.mailboxes import DAY_S, Mailboxes

from ...conftest import Chatmail
from ..old_relay import OldRelay, message_files, uids
from .fake import FakeDovecot, state

ALICE = parse_address("alice1234@chat.example.org")
NAME = str(ALICE)
GUID = "0123456789abcdef0123456789abcdef"
MAIL = "home/vmail/mail/chat.example.org"

pytestmark = pytest.mark.usefixtures("dkim_file")


@pytest.fixture
def home(mailboxes: Mailboxes) -> pathlib.Path:
    """An account that nobody has used."""
    mailboxes.create(ALICE, "$y$j65$hash", now_s=time.time())
    home = mailboxes.path(ALICE)
    (home / "cur").rmdir()
    (home / "mailboxes").mkdir()
    return home


def test_a_mailbox_is_written_as_maildir(
    home: pathlib.Path, dovecot: FakeDovecot, chatmail: Chatmail, tmp_path: pathlib.Path
) -> None:
    """Names, flags, UIDs, folders and times are those that upstream's Dovecot expects."""
    now_s = int(time.time())
    named = f"{now_s - 900}.M1P2.old,S=9,W=9"
    dovecot.put(NAME, b"a\n", named, 4, {r"\Seen", r"\Flagged", "$Label"}, received_s=now_s - 800)
    dovecot.put(NAME, b"bb\n", GUID, 6, {r"\Recent"}, received_s=now_s - 700)
    dovecot.put(NAME, b"old\n", "x" * 32, 7)
    dovecot.put(NAME, b"c\n", GUID[::-1], 1, folder="DeltaChat/v1.0")
    old_file = home / "mailboxes/INBOX/dbox-Mails/u.7"
    dovecot.boxes[NAME, "INBOX"].next_uid = 30
    _age(old_file, 90 * DAY_S)
    (home / "subscriptions").write_text("V\t2\n\nDeltaChat\n")
    before = state(home)

    code, _ = chatmail("export", str(tmp_path / "tree"))

    assert (code, state(home)) == (0, before)
    there = tmp_path / "tree" / MAIL / NAME
    time_of_b = int((home / "mailboxes/INBOX/dbox-Mails/u.6").stat().st_mtime)
    name_a = f"{now_s - 900}.M1P2.old,S=2,W=3"
    name_b = f"{time_of_b}.G{GUID}.chatmail,S=3,W=4"
    name_c = next((there / ".DeltaChat.v1_0" / "cur").iterdir()).name.partition(":")[0]
    assert message_files(there) == {
        f"cur/{name_a}:2,FSa": b"a\n",
        f"new/{name_b}": b"bb\n",
        f".DeltaChat.v1_0/cur/{name_c}:2,": b"c\n",
    }
    assert (there / f"cur/{name_a}:2,FSa").stat().st_mtime == now_s - 800
    assert (there / "dovecot-keywords").read_text() == "0 $Label\n"
    assert (there / "dovecot-uidlist").read_text() == (
        f"3 V{dovecot.boxes[NAME, 'INBOX'].validity} N30 G{'0f' * 16}\n"
        f"4 G{named} :{name_a}\n6 G{GUID} :{name_b}\n"
    )
    assert (there / "subscriptions").read_text() == "V\t2\n\nDeltaChat\n"


def _age(path: pathlib.Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_an_export_is_imported_once(
    home: pathlib.Path,
    dovecot: FakeDovecot,
    chatmail: Chatmail,
    mailboxes: Mailboxes,
    tmp_path: pathlib.Path,
) -> None:
    """A later export has the same names; copies in one folder are two messages."""
    uid = dovecot.put(NAME, b"\none\n", GUID)
    dovecot.put(NAME, b"\none\n", GUID)
    (home / "mailboxes/INBOX/dbox-Mails/u.2").unlink()
    (home / "mailboxes/INBOX/dbox-Mails/u.2").hardlink_to(
        home / f"mailboxes/INBOX/dbox-Mails/u.{uid}"
    )
    for number in (1, 2):
        chatmail("export", str(tmp_path / f"tree{number}"))
    first, second = (tmp_path / f"tree{number}" / MAIL / NAME for number in (1, 2))
    assert message_files(first) == message_files(second)
    assert len(message_files(first)) == 2
    mailboxes.delete(ALICE)

    for number, expected in ((1, 2), (2, 0)):
        _, said = chatmail("import", str(tmp_path / f"tree{number}"), "--json")
        assert json.loads(said[-1])["imported"]["messages"] == expected
    assert len(message_files(home)) == 2


def test_there_and_back(
    old: OldRelay, chatmail: Chatmail, dovecot: FakeDovecot, tmp_path: pathlib.Path
) -> None:
    """What came from upstream goes back with the names and UIDs that it had."""
    home = old.address(NAME)
    messages = [old.message(home, "one", flags="FS"), old.message(home, "two", flags="")]
    uids(home, *messages, first=3, next_uid=9)
    chatmail("import", str(old.root))
    dovecot.convert(NAME)

    code, _ = chatmail("export", str(tmp_path / "tree"))

    there = tmp_path / "tree" / MAIL / NAME
    assert code == 0
    assert set(message_files(there)) == {f"cur/{path.name}" for path in messages}
    rows = (home / "dovecot-uidlist").read_text().replace(":2,FS", "").replace(":2,", "")
    assert (there / "dovecot-uidlist").read_text().splitlines()[1:] == rows.splitlines()[1:]
    assert (there / "dovecot-uidlist").read_text().startswith("3 V1700000000 N9 ")
    times = [(there / "cur" / path.name).stat().st_mtime for path in messages]
    assert times == [path.stat().st_mtime for path in messages]


def test_an_account_that_nobody_used_stays_so(
    home: pathlib.Path, dovecot: FakeDovecot, chatmail: Chatmail, tmp_path: pathlib.Path
) -> None:
    """Dovecot, which would make an INBOX, is not asked."""
    code, _ = chatmail("export", str(tmp_path / "tree"))

    assert (code, dovecot.commands, list((home / "mailboxes").iterdir())) == (0, [], [])
    assert (tmp_path / "tree" / MAIL / NAME / "cur").is_dir()


def test_what_cannot_be_read_is_named(
    home: pathlib.Path, dovecot: FakeDovecot, chatmail: Chatmail, tmp_path: pathlib.Path
) -> None:
    """A damaged file, a link, a folder whose name another one has; then Dovecot's refusal."""
    for uid in range(1, 5):
        dovecot.put(NAME, b"x\n", f"{uid}" * 32)
    place = home / "mailboxes/INBOX/dbox-Mails"
    (place / "u.2").write_bytes(b"x")
    (place / "u.3").write_bytes((place / "u.3").read_bytes()[:-9])
    (place / "u.4").unlink()
    (place / "u.4").symlink_to("/etc/passwd")
    for folder in ("a.b", "a_b"):
        dovecot.put(NAME, b"x\n", "f" * 32, folder=folder)

    code, said = chatmail("export", str(tmp_path / "tree"))

    assert code == 0
    assert said[0].startswith("exported    1 addresses, 2 messages")
    for reason in ("no message file", "without its end", "a symbolic link", "whose name another"):
        assert any(reason in line for line in said), said
    dovecot.errors["status"] = DovecotError()
    _, said = chatmail("export", str(tmp_path / "other"))
    assert said[0].startswith("exported    0 addresses")
    assert any("Dovecot could not read it" in line for line in said), said


def test_a_mailbox_that_is_converted_meanwhile(
    home: pathlib.Path,
    dovecot: FakeDovecot,
    chatmail: Chatmail,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A format that changes meanwhile is a reason to repeat."""
    (home / "mailboxes").rmdir()
    (home / "cur").mkdir()
    (home / "cur" / f"{int(time.time())}.M1.x:2,S").write_text("x")
    copied = []

    def switch(*arguments: object, **more: object) -> int | None:
        copied.append(True)
        dovecot.convert(NAME)
        return None

    monkeypatch.setattr("chatmaild.operator.exchange.source.Source.copy", switch)
    _, said = chatmail("export", str(tmp_path / "second"))

    assert (len(copied), said[0].split(" to ")[0]) == (
        1,
        "exported    1 addresses, 1 messages (0.0 MB)",
    )
