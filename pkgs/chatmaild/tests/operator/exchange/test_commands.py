"""`chatmail import`: what it says, what it does, and what it does when it is repeated."""

import json
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.directory.placement import winner
from chatmaild.dkim.keys import key_path
from chatmaild.operator.exchange import content
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, Mailboxes
from chatmaild.store.passwords import verify_password

from ..conftest import Chatmail
from .old_relay import PASSWORD, OldRelay, message_files, sha512_crypt, uids

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob-56789@chat.example.org")


def test_a_whole_relay(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes, dkim_pem: bytes, restarts: list[bool]
) -> None:
    """Passwords, marks, tokens, last login, flags, folders, UIDs, and text that was compressed."""
    alice = old.address(str(ALICE), login_days=3)
    seen = old.message(alice, "seen")
    unseen = old.message(alice, "unseen", part="new", compressed=False)
    sent = old.message(alice, "sent", flags="RSa", folder=".Sent Items")
    uids(alice, seen, unseen, first=7)
    (alice / ".Sent Items" / "dovecot-keywords").write_text("0 $Forwarded\n")
    (alice / "subscriptions").write_text("V\t2\n\nSent Items\n")
    old.tokens(alice, "openpgp:abc")
    bob = old.address(str(BOB), enforces=False)
    (bob / "DISABLED").touch()
    old.key(dkim_pem)
    old.ini(max_user_send_per_minute=80)

    dry, found = chatmail("import", str(old.root), "--dry-run")
    assert (dry, list(mailboxes.addresses())) == (0, [])
    code, said = chatmail("import", str(old.root))

    assert code == 0, said
    assert said[: len(found)] == found
    for line in (
        "addresses   2: 2 new",
        "            1 disabled, 0 blocked, 1 accept clear text; 1 device tokens",
        "DKIM key    selector opendkim, 2048 bits",
        "setting     services.chatmail.mail.messagesPerMinute: 80 there, 60 here",
    ):
        assert line in found, found
    assert "verified    all that came is on disk with its size" in said
    home = mailboxes.path(ALICE)
    assert message_files(home) == {
        f"cur/{seen.name}": b"Subject: [...]\n\nseen\n",
        f"new/{unseen.name}": b"Subject: [...]\n\nunseen\n",
        f".Sent Items/cur/{sent.name}": b"Subject: [...]\n\nsent\n",
    }
    assert (home / "cur" / seen.name).stat().st_mtime == seen.stat().st_mtime
    assert (home / "dovecot-uidlist").read_text() == (
        "3 V1700000000 N9 G3085f01b7f11094c501100008c4a11c1\n"
        f"7 :{seen.name.partition(':')[0]}\n8 :{unseen.name}\n"
    )
    assert (home / "subscriptions").read_text() == "V\t2\n\nSent Items\n"
    assert list(json.loads((home / "metadata.json").read_text())["devicetoken"]) == ["openpgp:abc"]
    assert verify_password(PASSWORD.encode(), mailboxes.password_hash(ALICE) or "")
    assert mailboxes.last_login_s(ALICE) == (alice / "password").stat().st_mtime
    assert home.stat().st_mode & 0o777 == 0o710
    assert {path.name for path in home.iterdir()}.isdisjoint(
        {"dovecot.index.log", "maildirsize", "password.lock"}
    )
    assert mailboxes.is_disabled(BOB)
    assert [mailboxes.accepts_clear_text(one) for one in (ALICE, BOB)] == [False, True]


def test_a_repeat_adds_only_what_is_new(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes
) -> None:
    """Deleted and moved mail stays so, a new password stays, new flags and mail come."""
    home = old.address(str(ALICE), login_days=9)
    kept, deleted, moved = (old.message(home, word, flags="") for word in ("kept", "gone", "moved"))
    uids(home, kept, deleted, moved)
    chatmail("import", str(old.root))
    here = mailboxes.path(ALICE)
    (here / "cur" / deleted.name).unlink()
    (here / ".Archive" / "cur").mkdir(parents=True)
    (here / "cur" / moved.name).rename(here / ".Archive/cur/1.other:2,S")
    mailboxes.set_password_hash(ALICE, "$y$j65$new", now_s=time.time() - 5 * DAY_S)
    before = message_files(here)

    for _ in range(2):
        code, said = chatmail("import", str(old.root), "--json")
        assert (code, json.loads(said[0])["imported"]["messages"]) == (0, 0)
    assert message_files(here) == before
    seen = kept.rename(kept.with_name(f"{kept.name}S"))
    new = old.message(home, "new")
    uids(home, seen, deleted, moved, new)
    login_s = time.time() - DAY_S
    os.utime(home / "password", (login_s, login_s))
    imported = json.loads(chatmail("import", str(old.root), "--json")[1][0])["imported"]

    assert (imported["messages"], imported["flags"], imported["known"]) == (1, 1, 1)
    assert set(message_files(here)) == {
        f"cur/{seen.name}",
        f"cur/{new.name}",
        ".Archive/cur/1.other:2,S",
    }
    assert f"4 :{new.name.partition(':')[0]}\n" in (here / "dovecot-uidlist").read_text()
    assert mailboxes.password_hash(ALICE) == "$y$j65$new"
    assert mailboxes.last_login_s(ALICE) == int(login_s // DAY_S * DAY_S)


def test_a_message_moved_there_comes_once(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes
) -> None:
    """Dovecot gives it a new name, and notes the first one."""
    home = old.address(str(ALICE))
    message = old.message(home)
    uids(home, message)
    chatmail("import", str(old.root))
    moved = old.message(home, folder=".DeltaChat")
    message.unlink()
    base = message.name.partition(":")[0]
    (home / ".DeltaChat" / "dovecot-uidlist").write_text(f"3 V5 N2\n1 G{base} :{moved.name}\n")
    chatmail("import", str(old.root))

    assert list(message_files(mailboxes.path(ALICE))) == [f"cur/{message.name}"]


def test_strangers_get_no_mail(old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """An address that exists here may be another person; the operator can say that it is not."""
    home = old.address(str(ALICE))
    old.message(home)
    mailboxes.create(ALICE, "$y$j65$other", now_s=time.time())
    reason = "exists here and was not imported, which may be another person"

    code, said = chatmail("import", str(old.root))
    assert (code, message_files(mailboxes.path(ALICE))) == (0, {})
    assert f"not taken   1: {reason}, such as {ALICE}" in said or f"left        1: {reason}" in said
    chatmail("import", str(old.root), "--into-existing")

    assert len(message_files(mailboxes.path(ALICE))) == 1
    assert mailboxes.password_hash(ALICE) == "$y$j65$other"


def test_old_mail_and_old_addresses_stay_there(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes, settings: Settings
) -> None:
    """What chatmail-expire would delete tonight does not come."""
    days = settings.retention.delete_inactive_after_days
    old.address("inactive1", login_days=days + 2)
    home = old.address(str(ALICE))
    old.message(home, age_s=(settings.retention.delete_after_days + 1) * DAY_S)
    young = old.message(home, age_s=DAY_S)

    _, said = chatmail("import", str(old.root))

    assert list(mailboxes.addresses()) == [ALICE]
    assert list(message_files(mailboxes.path(ALICE))) == [f"cur/{young.name}"]
    assert "addresses   2: 1 new, 1 not logged in for too long" in said


def test_a_killed_import_continues(
    old: OldRelay,
    chatmail: Chatmail,
    mailboxes: Mailboxes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mailbox is whole or not there; what came before the kill does not come twice."""
    for one in (ALICE, BOB):
        home = old.address(str(one))
        for number in range(3):
            old.message(home, f"message {number}")
    copy, left = content.copy, [4]

    def killed(*arguments: object, **more: object) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return copy(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("chatmaild.operator.exchange.importing._BATCH", 1)
    monkeypatch.setattr("chatmaild.operator.exchange.content.copy", killed)
    assert "interrupted" in chatmail("import", str(old.root))[1][-1]
    assert list(mailboxes.addresses()) == [ALICE]
    (mailboxes.directory / ".deleted-import-0" / "cur").mkdir(parents=True)  # of a SIGKILL
    left[0] = 100

    code, _ = chatmail("import", str(old.root))

    assert (code, left[0]) == (0, 97)
    assert [len(message_files(mailboxes.path(one))) for one in (ALICE, BOB)] == [3, 3]
    assert sorted(path.name for path in mailboxes.directory.iterdir()) == [str(ALICE), str(BOB)]


def test_key_and_selector(
    old: OldRelay,
    chatmail: Chatmail,
    settings: Settings,
    dkim_pem: bytes,
    restarts: list[bool],
) -> None:
    """The key is stored; it signs when the selector is set, and the output says so."""
    old.address(str(ALICE))
    old.key(dkim_pem)
    (old.root / "etc/dkimkeys/broken.private").write_text("x")

    _, said = chatmail("import", str(old.root))

    assert key_path(settings, "opendkim").read_bytes() == dkim_pem
    assert any('set services.chatmail.dkim.selector = "opendkim"' in line for line in said)
    assert any("broken.private" in line for line in said)
    assert restarts == []
    assert "DKIM key of" not in "".join(chatmail("import", str(old.root))[1])


def test_errors_are_one_line(old: OldRelay, chatmail: Chatmail, tmp_path: pathlib.Path) -> None:
    """Another domain, nothing to import, a link instead of a directory, no directory."""
    empty, linked = tmp_path / "empty", tmp_path / "linked"
    (linked / "home").mkdir(parents=True)
    (linked / "home" / "vmail").symlink_to(old.root / "home" / "vmail")
    empty.mkdir()
    for path, problem in (
        (empty, "neither home/vmail/mail/chat.example.org nor mailboxes"),
        (linked, "a symbolic link, which is not followed"),
        (tmp_path / "none", "No such file"),
    ):
        code, said = chatmail("import", str(path))
        assert (code, len(said)) == (1, 1), said
        assert problem in said[0]
    old.ini(mail_domain="other.org")

    code, said = chatmail("import", str(old.root))

    assert (code, len(said)) == (1, 1)
    assert "is of the relay other.org" in said[0]


def test_the_mail_directory_alone(old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """As `chatmail address import` took it."""
    old.address(str(ALICE), encoded=sha512_crypt("other"))

    code, _ = chatmail("import", str(old.mail))

    assert code == 0
    assert verify_password(b"other", mailboxes.password_hash(ALICE) or "")
    assert "use `chatmail import" in chatmail("address", "import", str(old.mail))[1][0]


@pytest.mark.usefixtures("of_store")
def test_a_store_imports_its_own_mailboxes(
    old: OldRelay, chatmail: Chatmail, mailboxes: Mailboxes, dkim_pem: bytes, restarts: list[bool]
) -> None:
    """The same tree is imported on each store; keys and queue are for the fronts."""
    names = [f"name{number:05}@chat.example.org" for number in range(6)]
    for name in names:
        old.address(name)
    old.key(dkim_pem)
    mine = [name for name in names if winner(name, {"store1": 1, "store2": 1}) == "store1"]

    assert chatmail("import", str(old.root), "--queue")[0] == 1
    code, said = chatmail("import", str(old.root))

    assert (code, restarts) == (0, [])
    assert sorted(map(str, mailboxes.addresses())) == sorted(mine)
    left = len(names) - len(mine)
    reason = "may have its place on another store: import there, too"
    assert any(line.startswith(f"not taken   {left}: {reason}") for line in said), said
