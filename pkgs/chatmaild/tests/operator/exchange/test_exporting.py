"""`chatmail export`: a tree that an upstream relay, and our own import, read."""

import json
import os
import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.dkim.keys import load_key, public_record
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import hash_password

from ..conftest import Chatmail
from .old_relay import OldRelay, sha512_crypt, uids

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob-56789@chat.example.org")


def _state(root: pathlib.Path) -> dict[str, object]:
    """All files that both relays have, with content and times that matter."""
    left_out = ("imported", "metadata.json", "maildirsize")
    return {
        str(path.relative_to(root)): (path.read_bytes(), int(path.stat().st_mtime))
        for path in root.rglob("*")
        if path.is_file()
        and not path.name.startswith(("dovecot", *left_out))
        and path.name != "DISABLED"
    }


def test_there_and_back(
    old: OldRelay,
    chatmail: Chatmail,
    mailboxes: Mailboxes,
    tmp_path: pathlib.Path,
    dkim_file: pathlib.Path,
) -> None:
    """What was imported is exported the same, but for compression; and imported again."""
    home = old.address(str(ALICE), login_days=4)
    message = old.message(home, flags="FS")
    other = old.message(home, part="new", folder=".Saved", compressed=False)
    uids(home, message)
    old.tokens(home, "token1")
    chatmail("import", str(old.root))
    encoded = hash_password(b"new")
    mailboxes.create(BOB, encoded, now_s=time.time())
    mailboxes.set_disabled(BOB, disabled=True)
    target = tmp_path / "tree"

    code, said = chatmail("export", str(target))

    assert code == 0, said
    there = target / "home/vmail/mail/chat.example.org"
    assert (there / str(ALICE) / "cur" / message.name).read_text() == "Subject: [...]\n\nhello\n"
    assert (there / str(ALICE) / ".Saved" / "new" / other.name).exists()
    # upstream's Dovecot takes the whole file for the hash, and clear text without a scheme
    assert (there / str(ALICE) / "password").read_text() == sha512_crypt()
    assert (there / str(BOB) / "password").read_text() == "{CRYPT}" + encoded
    assert [(there / str(BOB) / m).exists() for m in ("DISABLED", "enforceE2EEincoming")] == [
        True
    ] * 2
    assert json.loads((there / str(ALICE) / "metadata.json").read_text())["devicetoken"]
    assert (there / str(ALICE) / "dovecot-uidlist").read_text().startswith("3 V1700000000 N2 ")
    assert not list(target.rglob("imported"))
    assert (target / "etc/dkimkeys/opendkim.private").read_bytes() == dkim_file.read_bytes()
    assert "opendkim._domainkey" in (target / "etc/dkimkeys/KeyTable").read_text()
    assert f"            {public_record(load_key(dkim_file))}" in said
    ini = (target / "usr/local/lib/chatmaild/chatmail.ini").read_text()
    assert "mail_domain = chat.example.org" in ini

    first = _state(mailboxes.directory)
    for address in (ALICE, BOB):
        mailboxes.delete(address)
    code, said = chatmail("import", str(target))

    assert code == 0, said
    assert _state(mailboxes.directory) == first


def test_a_directory_with_something_in_it_stays(chatmail: Chatmail, tmp_path: pathlib.Path) -> None:
    """An export never replaces a file."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    code, said = chatmail("export", str(tmp_path / "full"))

    assert (code, said) == (1, [f"error: {tmp_path}/full is not empty: name a new directory"])


def test_blocked_and_disabled_addresses_stay_closed_there(
    chatmail: Chatmail,
    mailboxes: Mailboxes,
    tmp_path: pathlib.Path,
    dkim_file: pathlib.Path,
    restarts: list[bool],
) -> None:
    """Upstream gives an address with an empty password file to the next login."""
    now_s = time.time()
    mailboxes.create(ALICE, "x", now_s=now_s)
    mailboxes.set_password_hash(ALICE, "", now_s=now_s)
    mailboxes.create(BOB, hash_password(b"new"), now_s=now_s)
    mailboxes.set_disabled(BOB, disabled=True)
    target = tmp_path / "tree"
    _, said = chatmail("export", str(target))
    file = target / "home/vmail/mail/chat.example.org" / str(ALICE) / "password"
    for address in (ALICE, BOB):
        mailboxes.delete(address)
    chatmail("import", str(target))

    assert file.read_text() == "{CRYPT}*"
    assert mailboxes.password_hash(ALICE) == ""
    assert any("disabled here, and upstream has no such mark" in line for line in said), said


def test_secrets_are_not_for_others(
    chatmail: Chatmail, tmp_path: pathlib.Path, dkim_file: pathlib.Path
) -> None:
    """Also in an empty directory that others could enter.

    Those above have the usual mode: a copy to `/` of another machine may set it there.
    """
    target = tmp_path / "tree"
    target.mkdir(mode=0o777)
    target.chmod(0o777)
    code, _ = chatmail("export", str(target))

    assert code == 0
    secret = [target, target / "home/vmail/mail/chat.example.org", target / "etc/dkimkeys"]
    assert [p.stat().st_mode & 0o777 for p in secret] == [0o700] * 3
    files = [p for p in target.rglob("*") if p.is_file()]
    assert {p.stat().st_mode & 0o777 for p in files} == {0o600}


def test_a_directory_of_another_user_is_refused(
    chatmail: Chatmail, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could put links where the export writes."""
    (tmp_path / "tree").mkdir()
    mine = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: mine + 1)
    code, said = chatmail("export", str(tmp_path / "tree"))

    assert (code, said) == (
        1,
        [f"error: {tmp_path}/tree belongs to another user: name a new directory"],
    )
