"""An account after a crash at each step: in use at once, and nothing of it is lost."""

import functools
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
    return {str(p.relative_to(home)): p.read_text() for p in home.rglob("*") if p.is_file()}


def _in_use(home: pathlib.Path) -> set[str]:
    """The files of the mailbox that Dovecot opens, and those of no mailbox."""
    maildir = ("cur/", "new/", "tmp/", ".Drafts/", "dovecot-uidlist")
    ignored: tuple[str, ...] = ("converting/", "converted/")
    if format_of(home) is Format.SDBOX:
        ignored = (*ignored, *maildir)
    return {name for name in _files(home) if not name.startswith(ignored)}


@pytest.fixture(params=list(Format))
def old(request: pytest.FixtureRequest) -> Format:
    """The format before."""
    return Format(request.param)


@pytest.fixture
def home(tmp_path: pathlib.Path, old: Format) -> pathlib.Path:
    """An account with a complete copy."""
    return _account(tmp_path / "alice", old)


def _account(home: pathlib.Path, old: Format) -> pathlib.Path:
    _write(home, [*OLD[old], *OTHERS])
    _write(home / places.CONVERTING, OLD[places.other(old)])
    return home


def _convert(home: pathlib.Path, old: Format) -> None:
    places.publish(home, places.other(old))
    places.clean(home)


def test_the_copy_gets_the_place(home: pathlib.Path, old: Format) -> None:
    """Nothing of the old mailbox is left, nor of the list of its folders."""
    new = places.other(old)
    _write(home, ["dovecot.list.index", "dovecot.list.index.log"])

    _convert(home, old)

    assert format_of(home) is new
    assert sorted(_files(home)) == sorted([*OLD[new], *OTHERS])
    assert _files(home)[OLD[new][0]] == f"{places.CONVERTING}/{OLD[new][0]}"


def _steps(monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
    """The process dies before change number `fatal` of the disk."""
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
        *((pathlib.Path, name) for name in ("rename", "unlink", "mkdir", "rmdir")),
        *((os, name) for name in ("open", "unlink", "rmdir")),
        (shutil, "rmtree"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


def _until_killed(monkeypatch: pytest.MonkeyPatch, fatal: int, work: Callable[[], object]) -> bool:
    """Whether it was killed."""
    with monkeypatch.context() as patch:
        _steps(patch, fatal)
        try:
            work()
        except Killed:
            return True
    return False


def test_a_crash_at_any_step_leaves_one_whole_mailbox(
    tmp_path: pathlib.Path, old: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one or the new one, at once and after the repair; then it can be repeated."""
    new = places.other(old)
    fatal = 0
    while True:
        home = _account(tmp_path / f"account{fatal}", old)
        if not _until_killed(monkeypatch, fatal, functools.partial(_convert, home, old)):
            break
        at_once = format_of(home)
        assert at_once is not None, fatal
        assert _in_use(home) == {*OLD[at_once], *OTHERS}, fatal

        places.recover(home)

        assert format_of(home) is at_once, fatal
        assert set(_files(home)) == {*OLD[at_once], *OTHERS}, fatal
        assert not (home / places.CONVERTED).exists()
        if at_once is old:
            _write(home / places.CONVERTING, OLD[new])
            _convert(home, old)
            assert set(_files(home)) == {*OLD[new], *OTHERS}
        fatal += 1
    assert fatal > 10


def test_the_repair_can_be_killed_too(
    tmp_path: pathlib.Path, old: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its steps, after a crash at each step of the conversion; some of all pairs."""
    for first in range(100):
        for second in range(first % 7, 100, 7):
            home = _account(tmp_path / f"account{first}-{second}", old)
            if not _until_killed(monkeypatch, first, functools.partial(_convert, home, old)):
                return
            found = format_of(home)
            again = _until_killed(monkeypatch, second, functools.partial(places.recover, home))

            places.recover(home)

            assert found is not None
            assert set(_files(home)) == {*OLD[found], *OTHERS}, (first, second)
            if not again:
                break
    raise AssertionError


def test_messages_of_an_older_version_are_not_deleted(
    home: pathlib.Path, old: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ran between a crash and the repair, and reads maildir only."""
    real = os.rename
    monkeypatch.setattr(places, "_retire", lambda home: None)  # killed before this
    if old is Format.SDBOX:

        def rename(self: pathlib.Path, target: pathlib.Path) -> None:
            if self.name == "mailboxes":
                raise Killed
            real(self, target)

        monkeypatch.setattr(pathlib.Path, "rename", rename)
    try:
        places.publish(home, places.other(old))
    except Killed:
        assert old is Format.SDBOX
    monkeypatch.undo()
    while (home / "password").stat().st_ctime_ns <= _begun_ns(home):
        os.utime(home / "password")
    _write(home, ["new/5.from-the-older-version"])

    with pytest.raises(ConversionError, match="both formats"):
        places.recover(home)

    assert "new/5.from-the-older-version" in _files(home)
    assert "mailboxes/INBOX/dbox-Mails/u.1" in _files(home)


def _begun_ns(home: pathlib.Path) -> int:
    return max(path.stat().st_mtime_ns for path in (home / places.CONVERTED).glob("to-*"))


@pytest.mark.parametrize("name", ["mailboxes", "cur", "new", "converting", "converted"])
@pytest.mark.parametrize("target", ["directory", "file"])
def test_symbolic_links_are_not_followed(
    home: pathlib.Path, tmp_path: pathlib.Path, name: str, target: str
) -> None:
    """The account stays as it is, and nothing outside of it is touched."""
    outside = tmp_path / "another"
    _write(outside, ["cur/1.x", "INBOX/dbox-Mails/u.1", "to-sdbox/x"])
    (outside / "file").touch()
    if os.path.lexists(home / name):
        shutil.rmtree(home / name)
    (home / name).symlink_to(outside / "file" if target == "file" else outside)
    before, theirs = _files(home), _files(outside)

    with pytest.raises(ConversionError, match=f"{name} is not a directory"):
        places.recover(home)

    assert (_files(home), _files(outside)) == (before, theirs)
    assert (home / name).is_symlink()
    assert name != "mailboxes" or Format.SDBOX not in places.found(home)


@pytest.mark.parametrize("name", [".Sent", "cur/7.x:2,", "mailboxes/Sent", "subscriptions"])
def test_a_link_inside_the_mailbox_is_refused(
    home: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    """Folders and messages of another account."""
    outside = tmp_path / "another"
    _write(outside, ["cur/1.x"])
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).unlink(missing_ok=True)
    (home / name).symlink_to(outside)

    with pytest.raises(ConversionError, match="symbolic link"):
        places.recover(home)

    assert set(_files(outside)) == {"cur/1.x"}


def test_a_directory_of_another_kind_is_kept(home: pathlib.Path) -> None:
    """No conversion has made it."""
    _write(home, ["converted/cur/1.x"])

    with pytest.raises(ConversionError, match="not the directory of a conversion"):
        places.recover(home)

    assert "converted/cur/1.x" in _files(home)
