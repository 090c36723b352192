"""Addresses in one file: all that belongs to one, except its mail."""

import pathlib

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup import addresses
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tokens import Tokens

from .conftest import ALICE, BOB

NOW_S = 1_800_000_000.0


def test_nothing_is_lost(relay: Settings, new_machine: Settings, tmp_path: pathlib.Path) -> None:
    """Hash, last login, creation, flags, tokens; mail is left out."""
    old, new = Mailboxes.of(relay), Mailboxes.of(new_machine)
    old.create(ALICE, "$y$alice", now_s=NOW_S)
    old.create(BOB, "$y$bob", now_s=NOW_S - 5 * 86400)
    old.set_disabled(BOB, disabled=True)
    Tokens(old, 90).add(ALICE, "token", now_s=NOW_S)
    (old.path(ALICE) / "cur").mkdir(exist_ok=True)
    (old.path(ALICE) / "cur/1.x").write_text("mail")
    file = tmp_path / addresses.NAME

    assert addresses.write(old.directory, file) == 2
    assert addresses.restore(file.read_text().splitlines(), new.directory, None) == 2

    assert "mail" not in file.read_text()
    assert new.password_hash(ALICE) == "$y$alice"
    assert new.last_login_s(BOB) == old.last_login_s(BOB)
    assert (new.is_disabled(ALICE), new.is_disabled(BOB)) == (False, True)
    assert not new.accepts_clear_text(ALICE)
    assert Tokens(new, 90).valid(ALICE, now_s=NOW_S) == ["token"]
    for address in (ALICE, BOB):
        for path in (old.path(address), *old.path(address).glob("[a-zD]*")):
            if path.name != "cur":
                copy = new.directory / path.relative_to(old.directory)
                assert copy.stat().st_mode == path.stat().st_mode


def test_what_is_no_address_is_left_out(relay: Settings, tmp_path: pathlib.Path) -> None:
    """Interrupted creations, deletions, and strange names."""
    mail = pathlib.Path(relay.directories.mail)
    for name in (".deleted-0f", str(ALICE), "A B@x"):
        (mail / name).mkdir()
    (mail / "file@chat.example.org").touch()

    assert addresses.write(mail, tmp_path / "x") == 0


@pytest.mark.parametrize("line", ["{", "[]", '["../x","",0,{},null]', '["a",1]'])
def test_a_damaged_line(line: str, tmp_path: pathlib.Path) -> None:
    """Nothing is written outside of the directory."""
    with pytest.raises(ChatmaildError, match="damaged"):
        addresses.restore([line], tmp_path, None)

    assert list(tmp_path.iterdir()) == []
