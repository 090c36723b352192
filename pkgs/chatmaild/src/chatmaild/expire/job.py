"""The walk over all mailboxes; what happens to each is decided in messages.py."""

import contextlib
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from chatmaild.expire.messages import Message, over_quota, scan, too_old
from chatmaild.settings import Retention
from chatmaild.store.fullness import NEARLY_FULL, QUOTA_FILE
from chatmaild.store.mailboxes import (
    DAY_S,
    DISABLED,
    ENFORCE_ENCRYPTION,
    PASSWORD,
    TRASH_PREFIX,
    Mailboxes,
)

# what an interrupted creation leaves, and an IMAP session that outlives its address
_REMAINS = re.compile(
    f"{ENFORCE_ENCRYPTION}|{DISABLED}|{NEARLY_FULL}|dovecot.*|maildir.*|subscriptions"
)


@dataclass(slots=True)
class Report:
    """What was found and what was deleted."""

    addresses: int = 0
    deleted_addresses: int = 0
    messages: int = 0
    deleted_messages: int = 0
    deleted_bytes: int = 0
    deleted_directories: int = 0
    # directories that belong to no address and are not empty
    strange: list[str] = field(default_factory=list)

    def summary(self, took_s: float, *, dry_run: bool) -> str:
        """One line for the journal, without any address."""
        verb = "would delete" if dry_run else "deleted"
        return (
            f"expire: {verb} {self.deleted_messages} of {self.messages} messages"
            f" ({self.deleted_bytes / 1e6:.1f} MB),"
            f" {self.deleted_addresses} of {self.addresses} addresses,"
            f" {self.deleted_directories} left-over directories;"
            f" {len(self.strange)} directories need care; {took_s:.1f} s"
        )


def walk(
    mailboxes: Mailboxes, retention: Retention, now_s: float, report: Report, *, dry_run: bool
) -> None:
    """Visit each directory below the mailboxes' one.

    Raises:
        OSError: that directory cannot be read.
    """
    oldest_login_s = now_s - retention.delete_inactive_after_days * DAY_S
    with os.scandir(mailboxes.directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                continue
            last_login_s = _modified_s(f"{entry.path}/{PASSWORD}")
            if "@" not in entry.name or last_login_s is None:
                _left_over(entry.path, now_s, report, dry_run=dry_run)
                continue
            report.addresses += 1
            if last_login_s < oldest_login_s:
                report.deleted_addresses += 1
                if not dry_run:
                    mailboxes.delete(entry.name)
            else:
                clean_mailbox(Path(entry.path), retention, now_s, report, dry_run=dry_run)


def clean_mailbox(
    path: Path, retention: Retention, now_s: float, report: Report, *, dry_run: bool
) -> None:
    """Delete what is too old or over quota in one mailbox."""
    doomed: list[Message] = []
    kept: list[Message] = []
    for message in scan(str(path)):
        (doomed if too_old(message, retention, now_s) else kept).append(message)
    report.messages += len(kept) + len(doomed)
    doomed += over_quota(kept, retention, now_s)
    report.deleted_messages += len(doomed)
    report.deleted_bytes += sum(message.size_bytes for message in doomed)
    if not doomed or dry_run:
        return
    for message in doomed:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(message.path)  # noqa: PTH108 - a million of them
    for name in (QUOTA_FILE, NEARLY_FULL):
        (path / name).unlink(missing_ok=True)


def _left_over(path: str, now_s: float, report: Report, *, dry_run: bool) -> None:
    """Remove what a deletion or a creation left half-done; report what is something else."""
    modified_s = _modified_s(path)
    if modified_s is None or now_s - modified_s < DAY_S:
        # somebody may be at work on it
        return
    trash = Path(path).name.startswith(TRASH_PREFIX)
    if not trash and not _is_empty(path):
        report.strange.append(path)
        return
    report.deleted_directories += 1
    if not dry_run:
        shutil.rmtree(path, ignore_errors=True)


def _is_empty(path: str) -> bool:
    """Whether it holds no message and nothing that only a person can judge."""
    with os.scandir(path) as entries:
        files = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
    return all(map(_REMAINS.fullmatch, files)) and next(scan(path), None) is None


def _modified_s(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime  # noqa: PTH116 - for every mailbox
    except FileNotFoundError:
        return None
