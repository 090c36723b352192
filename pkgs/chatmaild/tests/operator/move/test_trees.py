"""What moves, and whether two copies of it are the same."""

import os
import pathlib
import time

import pytest

from chatmaild.operator.move import trees
from chatmaild.settings import Settings


@pytest.fixture
def state(settings: Settings, mailbox: pathlib.Path) -> trees.Tree:
    """The tree of the state directory, in which the mailboxes are."""
    return trees.Tree(path=settings.directories.mail)


def test_what_moves(settings: Settings) -> None:
    """State, mail in the queue, certificate with its account; the counts stay."""
    moved = {tree.path: tree for tree in trees.trees(settings)}
    directories = settings.directories

    assert directories.state in moved
    assert "--exclude=/numbers" in moved[directories.state].filters
    queue = moved[directories.postfix_queue]
    assert queue.filters[0] == "--include=/active/***"
    assert queue.filters[-1] == "--exclude=/*"
    assert queue.moves("deferred")
    assert not queue.moves("private")
    assert not queue.is_early
    assert str(pathlib.Path(directories.tls).parent) in moved


def test_registration_stays_closed(settings: Settings) -> None:
    """The file that closes it moves if it is there."""
    stop_file = pathlib.Path(settings.registration.stop_file)
    assert str(stop_file) not in [tree.path for tree in trees.trees(settings)]
    stop_file.touch()

    assert str(stop_file) in [tree.path for tree in trees.trees(settings)]


def test_a_change_that_keeps_size_and_time_is_found(
    state: trees.Tree, mailbox: pathlib.Path
) -> None:
    """A new password on the day of the last login; rsync alone would keep the old one."""
    password = mailbox / "password"
    before = password.stat()
    time.sleep(0.02)  # the clock of the file system
    since_s = time.time()
    time.sleep(0.02)
    password.write_text("{CRYPT}new\n")
    os.utime(password, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert password.stat().st_size == before.st_size
    assert list(trees.changed_since(state, since_s)) == ["alice@chat.example.org/password"]


def test_files_with_a_time_that_is_not_of_their_last_change(
    state: trees.Tree, mailbox: pathlib.Path
) -> None:
    """Passwords."""
    (mailbox / "cur/password-of-another").write_text("")

    assert list(trees.dated(state)) == ["alice@chat.example.org/password"]


@pytest.fixture
def counted(settings: Settings, mailbox: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose mailboxes and queue are all that moves."""
    directories = settings.directories
    monkeypatch.setattr(
        trees,
        "trees",
        lambda _: [
            trees.Tree(path=directories.mail),
            trees.Tree(path=directories.postfix_queue, only=("deferred", "defer")),
            trees.Tree(path=directories.tls, is_still=False),
        ],
    )
    return settings


def test_numbers(counted: Settings) -> None:
    """Addresses, messages, and the queue without its logs."""
    queue = pathlib.Path(counted.directories.postfix_queue)
    for name in ("deferred/4/4F1", "defer/4/4F1", "private/auth"):
        (queue / name).parent.mkdir(parents=True, exist_ok=True)
        (queue / name).write_text("mail")
    found = trees.inventory(counted)

    assert (found.addresses, found.messages, found.queued, found.files) == (1, 2, 1, 5)


def test_the_digest_tells_every_difference(counted: Settings, mailbox: pathlib.Path) -> None:
    """Names, times, rights, and contents outside of mailboxes; not trees that others change."""
    key = pathlib.Path(counted.directories.postfix_queue, "deferred/A")
    key.parent.mkdir()
    key.write_text("one")
    seen = [trees.inventory(counted).digest]
    message = mailbox / "new/2.M2.a,S=3"
    for change in (
        lambda: message.rename(mailbox / "cur/2.M2.a,S=3:2,"),
        lambda: os.utime(mailbox / "password", (1, 1)),
        lambda: (mailbox / "password").chmod(0o600),
        lambda: _write(key, "two"),
        lambda: _write(key, "tri"),
    ):
        change()
        seen.append(trees.inventory(counted).digest)
    pathlib.Path(counted.directories.tls, "fullchain.pem").write_text("renewed")

    assert len(set(seen)) == len(seen)
    assert trees.inventory(counted).digest == seen[-1]


def _write(file: pathlib.Path, text: str) -> None:
    """Write a file that looks as old as before."""
    file.write_text(text)
    os.utime(file, (1, 1))
