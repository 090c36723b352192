"""Message files as Dovecot stores them, Dovecot's commands, and one pass of the expire job."""

import os
import pathlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from chatmaild.address import parse_address
from chatmaild.errors import DovecotError
from chatmaild.expire.job import Report, expire_mailboxes
from chatmaild.settings import Retention
from chatmaild.store.mailboxes import DAY_S, Mailboxes

ALICE = parse_address("alice1234@chat.example.org")
GONE = parse_address("gone12345@chat.example.org")
HERE = parse_address("here12345@chat.example.org")
NOW_S = 20000 * DAY_S + 7200.0
HOUR_S = 3600
RETENTION = Retention(
    delete_after_days=20,
    delete_large_after_days=7,
    large_message_bytes=200000,
    delete_inactive_after_days=90,
    quota_megabytes=1,
    max_messages=10000,
    max_folders=50,
    quota_warn_percent=75,
    quota_clean_percent=70,
    quota_keep_hours=24,
)


def put(
    box: pathlib.Path, folder: str, age_s: float, size: int = 1000, modified_s: float | None = None
) -> pathlib.Path:
    """Create a message file with a name as Dovecot gives it."""
    then = NOW_S - age_s
    directory = box / folder
    directory.mkdir(parents=True, exist_ok=True)
    number = sum(1 for _ in directory.iterdir())
    file = directory / f"{int(then)}.M{number}P1.host,S={size},W={size + 9}:2,S"
    file.write_bytes(b"x")
    os.utime(file, (then, then if modified_s is None else modified_s))
    return file


def put_in_sdbox(
    box: pathlib.Path, age_s: float, size: int = 1000, folder: str = "INBOX", name: str = ""
) -> pathlib.Path:
    """Create a message file of an sdbox, whose index knows it."""
    directory = box / "mailboxes" / folder / "dbox-Mails"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "dovecot.index.log").touch()
    file = directory / (name or f"u.{sum(1 for _ in directory.glob('u.*')) + 1}")
    with file.open("wb") as opened:
        opened.truncate(size)
    os.utime(file, (NOW_S - age_s,) * 2)
    return file


def put_cache(folder: pathlib.Path, *, deleted: int) -> pathlib.Path:
    """Create a cache file of Dovecot 2.4 that counts deleted records."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dovecot.index.cache"
    path.write_bytes(struct.pack("=BBBBIIIIII", 1, 8, 2, 0, 1, 1, 10, 2372, deleted, 32) + b"x")
    return path


@dataclass
class FakeDovecot:
    """Expunges messages of sdboxes below a directory, and notes what it was asked to do."""

    directory: pathlib.Path
    unlisted: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    asked: list[tuple[str, str, list[int], bool]] = field(default_factory=list)
    purged: list[tuple[str, str]] = field(default_factory=list)
    rebuilt: list[tuple[str, str]] = field(default_factory=list)
    is_down: bool = False
    refuses: bool = False

    def expunge(
        self, account: str, folder: str, uids: Iterable[int], *, listed_only: bool = False
    ) -> None:
        self._check()
        uids = list(uids)
        self.asked.append((account, folder, uids, listed_only))
        kept = self.unknown | (self.unlisted if listed_only else set())
        for uid in set(uids) - kept:
            self._folder(account, folder).joinpath(f"u.{uid}").unlink()

    def purge_cache(self, account: str, folder: str) -> None:
        self._check()
        self.purged.append((account, folder))
        put_cache(self._folder(account, folder), deleted=0)

    def rebuild(self, account: str, folder: str) -> None:
        self._check()
        self.rebuilt.append((account, folder))

    def _check(self) -> None:
        if self.is_down:
            raise ConnectionRefusedError
        if self.refuses:
            raise DovecotError

    def _folder(self, account: str, folder: str) -> pathlib.Path:
        return self.directory / account / "mailboxes" / folder / "dbox-Mails"


def run(
    mailboxes: Mailboxes, *, dry_run: bool = False, dovecot: FakeDovecot | None = None
) -> Report:
    """Expire all mailboxes at `NOW_S`."""
    report = Report()
    dovecot = dovecot or FakeDovecot(mailboxes.directory)
    expire_mailboxes(
        *(mailboxes, RETENTION, NOW_S, report),
        dry_run=dry_run,
        delete=mailboxes.delete,
        dovecot=dovecot,
    )
    return report
