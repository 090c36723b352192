"""An account after a crash at each step: usable, and nothing of it is lost."""

import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Final

import pytest

from chatmaild.conversion import places
from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Format, format_of

OLD: Final = {
    Format.MAILDIR: ["cur/1.a:2,S", "new/2.b", ".Drafts/cur/3.c", "dovecot-uidlist", "tmp/x"],
    Format.SDBOX: [
        "mailboxes/INBOX/dbox-Mails/u.1",
        "mailboxes/INBOX/dbox-Mails/dovecot.index.log",
        "mailboxes/Drafts/dbox-Mails/u.1",
    ],
}
OTHERS: Final = ["password", "subscriptions", "dovecot-uidvalidity"]


class Killed(BaseException):
    """The process dies before a change of the disk."""


def _write(root: pathlib.Path, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{root.name}/{name}")


def _files(home: pathlib.Path) -> dict[str, str]:
    found = {str(p.relative_to(home)): p.read_text() for p in home.rglob("*") if p.is_file()}
    # Dovecot makes the list of folders anew
    return {name: text for name, text in found.items() if text and "list.index" not in name}


@pytest.fixture(params=list(Format))
def old(request: pytest.FixtureRequest) -> Format:
    """The format before."""
    return Format(request.param)


@pytest.fixture
def home(tmp_path: pathlib.Path, old: Format) -> pathlib.Path:
    """An account with a complete copy."""
    home = tmp_path / "alice"
    _write(home, [*OLD[old], *OTHERS])
    _write(home / places.CONVERTING, OLD[places.other(old)])
    return home


def _convert(home: pathlib.Path, old: Format) -> None:
    places.block(home, old)
    places.freeze(home, old)
    places.publish(home, places.other(old))
    places.clean(home)


def test_the_copy_gets_the_place(home: pathlib.Path, old: Format) -> None:
    """Nothing of the old mailbox is left."""
    new = places.other(old)

    _convert(home, old)

    assert format_of(home) is new
    assert sorted(_files(home)) == sorted([*OLD[new], *OTHERS])
    assert _files(home)[OLD[new][0]] == f"{places.CONVERTING}/{OLD[new][0]}"


def test_dovecot_finds_no_format_meanwhile(home: pathlib.Path, old: Format) -> None:
    """Both names are files: it waits, and a process that has the mailbox open fails."""
    places.block(home, old)
    places.freeze(home, old)

    assert format_of(home) is None
    assert all((home / one.directory).is_file() for one in Format)


def test_it_can_be_undone(home: pathlib.Path, old: Format) -> None:
    """What was copied stays for the next attempt."""
    before = _files(home)
    places.block(home, old)
    places.freeze(home, old)

    assert not places.recover(home)

    assert _files(home) == before
    assert format_of(home) is old


def _steps(monkeypatch: pytest.MonkeyPatch, fatal: int | None) -> Callable[[], int]:
    """Count what changes the disk; the process dies before change number `fatal`."""
    done = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def change(*arguments: object, **options: object) -> object:
            nonlocal done
            if done == fatal:
                raise Killed
            done += 1
            return real(*arguments, **options)

        return change

    for owner, name in (
        (pathlib.Path, "rename"),
        (pathlib.Path, "unlink"),
        (pathlib.Path, "mkdir"),
        (os, "open"),
        (shutil, "rmtree"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return lambda: done


def test_a_crash_at_any_step_leaves_one_whole_mailbox(
    tmp_path: pathlib.Path, old: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one or the new one, and the conversion can be repeated."""
    new = places.other(old)
    fatal = 0
    while True:
        home = tmp_path / f"account{fatal}"
        _write(home, [*OLD[old], *OTHERS])
        _write(home / places.CONVERTING, OLD[new])
        with monkeypatch.context() as patch:
            _steps(patch, fatal)
            try:
                _convert(home, old)
            except Killed:
                pass
            else:
                break

        was_published = places.recover(home)

        found = format_of(home)
        assert found is (new if was_published else found), fatal
        wanted = OLD[found] if found else []
        present = {n for n in _files(home) if not n.startswith(places.CONVERTING)}
        assert present == {*wanted, *OTHERS}, fatal
        assert not (home / places.CONVERTED).exists()
        assert not any((home / one.directory).is_file() for one in Format), fatal
        if found is old:
            (home / places.CONVERTING).mkdir(exist_ok=True)
            _write(home / places.CONVERTING, OLD[new])
            _convert(home, old)
            assert set(_files(home)) == {*OLD[new], *OTHERS}
        fatal += 1
    assert fatal > 10


def test_a_conversion_that_is_killed_before_it_moves_anything_is_undone(
    home: pathlib.Path, old: Format
) -> None:
    """Only new processes of Dovecot waited; the copy is made again."""
    before = {name for name in _files(home) if not name.startswith("converting/")}
    places.block(home, old)

    places.recover(home)

    assert set(_files(home)) == before


def test_a_message_that_arrives_in_the_middle_stays(home: pathlib.Path, old: Format) -> None:
    """A process of Dovecot made the directory anew before the file had its name."""
    if old is Format.SDBOX:
        return
    places.block(home, old)
    places.freeze(home, old)
    (home / "new").unlink()
    _write(home, ["new/4.d"])

    places.recover(home)

    assert {"new/2.b", "new/4.d"} <= set(_files(home))


def test_a_mailbox_in_the_way_is_not_overwritten(home: pathlib.Path, old: Format) -> None:
    """Messages of an older version that ran after a conversion."""
    stray = "cur/5.e" if old is Format.SDBOX else "mailboxes/INBOX/dbox-Mails/u.9"
    _write(home, [stray])

    with pytest.raises(ConversionError):
        places.block(home, old)

    places.recover(home)
    assert stray in _files(home)
