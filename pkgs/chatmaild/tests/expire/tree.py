"""Message files as Dovecot stores them, and one pass of the expire job."""

import os
import pathlib

from chatmaild.address import parse_address
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


def run(mailboxes: Mailboxes, *, dry_run: bool = False) -> Report:
    """Expire all mailboxes at `NOW_S`."""
    report = Report()
    expire_mailboxes(mailboxes, RETENTION, NOW_S, report, dry_run=dry_run, delete=mailboxes.delete)
    return report
