"""Mailboxes: created once and atomically, found by every spelling of their address."""

import multiprocessing
import signal
import subprocess
import sys
import threading

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import AddressError, BusyError
from chatmaild.store import mailboxes as module
from chatmaild.store.mail import locks
from chatmaild.store.mailboxes import DAY_S, Mailboxes

from ..children import environment
from ..waiting import DEADLINE_S

ALICE = parse_address("alice1234@chat.example.org")
NOBODY = parse_address("nobody123@chat.example.org")
NOON_S = 20000 * DAY_S + 43200.0


def test_an_account_exists_from_creation_to_deletion(mailboxes: Mailboxes) -> None:
    """By every spelling of its address."""
    assert not mailboxes.exists(ALICE)

    assert mailboxes.create(ALICE, "hash", now_s=NOON_S)

    assert mailboxes.exists(parse_address("ALICE1234+tag@Chat.Example.ORG"))
    assert mailboxes.password_hash(ALICE) == "hash"
    assert not mailboxes.accepts_clear_text(ALICE)
    assert list(mailboxes.addresses()) == [ALICE]
    assert mailboxes.delete(ALICE)
    assert not mailboxes.exists(ALICE)
    assert not mailboxes.delete(ALICE)
    assert list(mailboxes.directory.iterdir()) == []


def test_a_second_creation_changes_nothing(mailboxes: Mailboxes) -> None:
    """The first password stays."""
    mailboxes.create(ALICE, "first", now_s=NOON_S)

    assert not mailboxes.create(ALICE, "second", now_s=NOON_S)

    assert mailboxes.password_hash(ALICE) == "first"


def test_a_hash_is_replaced_only_if_it_is_the_expected_one(mailboxes: Mailboxes) -> None:
    """A password changed in the meantime is not overwritten."""
    mailboxes.create(ALICE, "first", now_s=NOON_S)

    assert not mailboxes.set_password_hash(ALICE, "new", now_s=NOON_S, instead_of="other")
    assert mailboxes.set_password_hash(ALICE, "new", now_s=NOON_S, instead_of="first")
    assert mailboxes.set_password_hash(ALICE, "newer", now_s=NOON_S)
    assert mailboxes.password_hash(ALICE) == "newer"
    assert not mailboxes.set_password_hash(NOBODY, "x", now_s=NOON_S)
    assert [path.name for path in mailboxes.directory.iterdir()] == [str(ALICE)]


def test_the_group_can_stat_but_not_read(mailboxes: Mailboxes) -> None:
    """The filter, in the group, stats flags; only the owner reads the hash."""
    mailboxes.create(ALICE, "hash", now_s=NOON_S)
    path = mailboxes.path(ALICE)

    assert path.stat().st_mode & 0o777 == 0o710
    assert (path / "password").stat().st_mode & 0o777 == 0o600


def test_the_last_login_is_stored_as_a_day(mailboxes: Mailboxes) -> None:
    """Without the hour, and written once a day at most."""
    mailboxes.create(ALICE, "hash", now_s=NOON_S)
    assert mailboxes.last_login_s(ALICE) == 20000 * DAY_S

    mailboxes.record_login(ALICE, now_s=NOON_S + DAY_S)

    assert mailboxes.last_login_s(ALICE) == 20001 * DAY_S
    changed_ns = (mailboxes.path(ALICE) / "password").stat().st_ctime_ns
    mailboxes.record_login(ALICE, now_s=NOON_S + DAY_S + 100)
    assert (mailboxes.path(ALICE) / "password").stat().st_ctime_ns == changed_ns


def test_a_disabled_account_still_exists(mailboxes: Mailboxes) -> None:
    """It can be enabled again."""
    mailboxes.create(ALICE, "hash", now_s=NOON_S)
    assert not mailboxes.is_disabled(ALICE)

    mailboxes.set_disabled(ALICE, disabled=True)

    assert mailboxes.is_disabled(ALICE)
    assert mailboxes.exists(ALICE)
    mailboxes.set_disabled(ALICE, disabled=False)
    assert not mailboxes.is_disabled(ALICE)


def test_clear_text_needs_an_account_without_the_flag(mailboxes: Mailboxes) -> None:
    """Fail closed: an account that does not exist accepts none."""
    tagged = parse_address("alice1234+tag@chat.example.org")
    assert not mailboxes.accepts_clear_text(ALICE)
    mailboxes.path(ALICE).mkdir()
    assert not mailboxes.accepts_clear_text(ALICE)
    mailboxes.create(ALICE, "hash", now_s=NOON_S)
    assert not mailboxes.accepts_clear_text(ALICE)

    (mailboxes.path(ALICE) / module.ENFORCE_ENCRYPTION).unlink()

    assert mailboxes.accepts_clear_text(ALICE)
    assert mailboxes.accepts_clear_text(tagged)
    mailboxes.delete(ALICE)
    assert not mailboxes.accepts_clear_text(ALICE)


@pytest.mark.parametrize("step", [1, 2])
def test_an_account_created_during_the_check_accepts_no_clear_text(
    mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The checks before and after a creation must not be mixed."""
    real = module._exists
    checks = iter(range(1, 10))

    def check(path: str) -> bool:
        found = real(path)
        if next(checks) == step:
            mailboxes.directory.joinpath(str(ALICE)).mkdir(exist_ok=True)
            for name in (module.ENFORCE_ENCRYPTION, module.PASSWORD):
                (mailboxes.path(ALICE) / name).touch()
        return found

    monkeypatch.setattr(module, "_exists", check)

    assert not mailboxes.accepts_clear_text(ALICE)


def test_the_list_of_accounts_skips_other_directories(mailboxes: Mailboxes) -> None:
    """Names that are no account, and directories that cannot be read."""
    mailboxes.create(ALICE, "hash", now_s=NOON_S)
    for name in ("a b@x", "A@x", "a+b@x", "..@x", "@", "a@b@c", "nothing", "loop@x", "empty@x"):
        (mailboxes.directory / name).mkdir()
        if name != "empty@x":
            (mailboxes.directory / name / "password").touch()
    loop = mailboxes.directory / "loop@x" / "password"
    loop.unlink()
    loop.symlink_to("password")

    assert list(mailboxes.addresses()) == [ALICE]


def test_a_read_error_is_raised(mailboxes: Mailboxes) -> None:
    """With a broken disk mail must wait, not bounce."""
    mailboxes.path(ALICE).symlink_to(str(ALICE))

    with pytest.raises(OSError, match="symbolic links"):
        mailboxes.exists(ALICE)
    with pytest.raises(OSError, match="symbolic links"):
        mailboxes.password_hash(ALICE)


@pytest.mark.parametrize("text", ["../../etc@x", "a/b@c", "nothing", ".@", "@", "a@b@c"])
def test_a_malformed_address_has_no_path(mailboxes: Mailboxes, text: str) -> None:
    """Path traversal does not reach the disk."""
    with pytest.raises(AddressError):
        mailboxes.path(parse_address(text))


def test_a_lock_has_a_timeout(mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging process does not block the others."""
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_S", 0.05)
    with locks.locked(str(mailboxes.path(ALICE))), pytest.raises(BusyError):
        mailboxes.create(ALICE, "hash", now_s=NOON_S)


def _create(
    directory: str, number: int, results: "multiprocessing.Queue[tuple[int, bool]]"
) -> None:
    results.put((number, Mailboxes(directory).create(ALICE, f"hash{number}", now_s=NOON_S)))


def test_ten_processes_create_one_account(mailboxes: Mailboxes) -> None:
    """Exactly one of ten parallel creations succeeds, and its hash is stored."""
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[tuple[int, bool]] = context.Queue()
    processes = [
        context.Process(target=_create, args=(str(mailboxes.directory), number, results))
        for number in range(10)
    ]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=DEADLINE_S) for _ in processes]
    for process in processes:
        process.join(DEADLINE_S)

    (winner,) = (number for number, made in outcomes if made)
    assert mailboxes.password_hash(ALICE) == f"hash{winner}"
    names = sorted(path.name for path in mailboxes.path(ALICE).iterdir())
    assert names == ["enforceE2EEincoming", "password"]


def test_ten_threads_create_one_account(mailboxes: Mailboxes) -> None:
    """The lock works between threads, too."""
    made: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda n=n: made.append(mailboxes.create(ALICE, f"h{n}", now_s=NOON_S))
        )
        for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made.count(True) == 1


_CREATOR = """
import sys
from chatmaild.address import parse_address
from chatmaild.store.mailboxes import Mailboxes
boxes = Mailboxes(sys.argv[1])
print("ready", flush=True)
for number in range(100000):
    boxes.create(parse_address(f"user{number:05}@chat.example.org"), "x" * 92, now_s=1.7e9)
"""


@pytest.mark.parametrize("after_s", [0.005, 0.01, 0.02, 0.03, 0.05])
def test_a_kill_leaves_no_incomplete_account(mailboxes: Mailboxes, after_s: float) -> None:
    """Every password file is complete, and an interrupted creation can be repeated."""
    with subprocess.Popen(
        [sys.executable, "-c", _CREATOR, str(mailboxes.directory)],
        stdout=subprocess.PIPE,
        env=environment(),
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        threading.Event().wait(after_s)
        child.send_signal(signal.SIGKILL)

    made = sorted(mailboxes.addresses())
    for address in made:
        assert mailboxes.password_hash(address) == "x" * 92
    half = {p.name for p in mailboxes.directory.iterdir()} - set(map(str, made))
    assert len(half) <= 1
    for address in map(parse_address, half):
        assert mailboxes.create(address, "again", now_s=NOON_S)
        assert mailboxes.password_hash(address) == "again"
