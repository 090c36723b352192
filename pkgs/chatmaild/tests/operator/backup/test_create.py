"""A backup of the running relay: what it stores, when it fails, and what it deletes."""

import pathlib
import shutil
import time

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.metrics.backups import Last
from chatmaild.operator.backup import create
from chatmaild.operator.backup.ages import DAY_S
from chatmaild.operator.backup.manifest import Manifest
from chatmaild.operator.selftest.report import Check, failed, ok, skipped
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .conftest import ALICE, Repository

RIGHT = ok("clock", "agrees with other relays")
WRONG = failed("clock", "90000 s ahead of that of other relays", "timedatectl set-ntp true")
UNKNOWN = skipped("clock", "no other relay answered")


def make(
    relay: Settings,
    repository: Repository,
    note: pathlib.Path,
    *,
    with_mail: bool = False,
    clock: Check = RIGHT,
) -> list[str]:
    return create.run(
        relay,
        repository,
        with_mail=with_mail,
        init=False,
        note=note,
        look=lambda _: clock,
    )


def test_the_result_is_stored(relay: Settings, repository: Repository, note: pathlib.Path) -> None:
    """For the status and the metrics."""
    Mailboxes.of(relay).create(ALICE, "$y$x", now_s=1e9)

    lines = make(relay, repository, note)

    last = Last.of(relay)
    assert last.succeeded_s == pytest.approx(time.time(), abs=60)
    assert (last.failures, last.problem, last.with_mail) == (0, None, False)
    assert lines[0].startswith("backup 00000000 without mail: 7 files")
    assert "alice" not in " ".join(lines)


def test_the_note_says_where_and_whose(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """Restored elsewhere, paths and user IDs differ."""
    make(relay, repository, note)

    manifest = Manifest.from_json(repository.read("00000000", str(note)))
    assert manifest.domain == relay.domain
    assert manifest.roots["mail"] == relay.directories.mail
    assert manifest.users[0] == "root"


def test_files_that_vanish_are_no_failure(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """People move and delete messages meanwhile."""
    path = f"{relay.directories.mail}/{ALICE}/cur/1"
    repository.problems = ((f"open {path}: no such file or directory", path),)

    make(relay, repository, note, with_mail=True)

    assert Last.of(relay).problem is None


def test_an_unreadable_file_is_a_failure(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """Its directory is named, the address is not."""
    path = f"{relay.directories.mail}/{ALICE}/password"
    repository.problems = ((f"open {path}: permission denied", path),)

    with pytest.raises(ChatmaildError, match=r"1 files could not be read.*permission") as error:
        make(relay, repository, note)

    last = Last.of(relay)
    assert (last.failures, last.succeeded_s, last.problem) == (1, None, str(error.value))
    assert "alice" not in str(error.value)
    assert relay.directories.mail in str(error.value)


def test_a_failure_keeps_the_last_success(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """The next success keeps the count of failures."""
    make(relay, repository, note)
    repository.problems = (("permission denied", "/x"),)
    with pytest.raises(ChatmaildError):
        make(relay, repository, note)
    between = Last.of(relay)
    repository.problems = ()
    make(relay, repository, note)

    assert between.succeeded_s is not None
    assert between.failures == 1
    assert (Last.of(relay).failures, Last.of(relay).problem) == (1, None)


def test_a_new_machine_waits_for_its_restore(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """Its empty backup would be the newest. Later a relay may be empty."""
    repository.add("of the lost machine", time.time() - DAY_S)

    with pytest.raises(ChatmaildError, match="no addresses, and the repository has backups"):
        make(relay, repository, note)
    problem = Last.of(relay).problem
    Mailboxes.of(relay).create(ALICE, "$y$x", now_s=1e9)
    make(relay, repository, note)
    shutil.rmtree(pathlib.Path(relay.directories.mail) / str(ALICE))
    make(relay, repository, note)

    assert problem is not None
    assert "chatmail backup restore" in problem


def test_old_backups_are_deleted(
    relay: Settings, repository: Repository, note: pathlib.Path
) -> None:
    """After as many days as mail."""
    Mailboxes.of(relay).create(ALICE, "$y$x", now_s=1e9)
    days = relay.retention.delete_after_days
    repository.add("older", time.time() - (days + 1) * DAY_S)
    repository.add("newer", time.time() - (days - 1) * DAY_S)

    lines = make(relay, repository, note, clock=WRONG)

    assert repository.forgotten == ["older"]
    assert "deleted 1 old backups" in lines


@pytest.mark.parametrize(("clock", "deleted"), [(RIGHT, ["older"]), (UNKNOWN, []), (WRONG, [])])
def test_all_backups_are_deleted_by_a_right_clock_only(
    relay: Settings, repository: Repository, note: pathlib.Path, clock: Check, deleted: list[str]
) -> None:
    """A clock in the next year would delete everything."""
    Mailboxes.of(relay).create(ALICE, "$y$x", now_s=1e9)
    repository.add("older", time.time() - 365 * DAY_S)

    try:
        lines = make(relay, repository, note, clock=clock)
    except ChatmaildError as error:
        lines = [str(error)]

    assert repository.forgotten == deleted
    assert any("no old backup was deleted" in line for line in lines) == (not deleted)
    assert (Last.of(relay).problem is None) == (clock is not WRONG)


def test_one_at_a_time(relay: Settings, repository: Repository, note: pathlib.Path) -> None:
    """The second says so."""
    with create._alone(note.parent), pytest.raises(ChatmaildError, match="another backup"):
        make(relay, repository, note)


def test_a_queue_that_moved_is_read_again(
    relay: Settings, repository: Repository, note: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that is there before and after, but not in the backup."""
    deferred = pathlib.Path(relay.directories.postfix_queue) / "deferred/A"
    deferred.mkdir(parents=True)
    (deferred / "A1").touch()
    (deferred / "A2").touch()
    seen = iter([{"A1"}, {"A1", "A2"}])
    monkeypatch.setattr(repository, "names", lambda *_: next(seen))

    make(relay, repository, note, with_mail=True)

    assert len(repository.made) == 2
