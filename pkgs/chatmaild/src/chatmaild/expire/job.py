"""The walk over all mailboxes; what happens to each is decided in retention.py."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chatmaild.address import Address
from chatmaild.expire.retention import over_quota, too_old
from chatmaild.settings import Retention
from chatmaild.store.fullness import NEARLY_FULL, QUOTA_FILE
from chatmaild.store.mailboxes import (
    DAY_S,
    DISABLED,
    ENFORCE_ENCRYPTION,
    PASSWORD,
    TRASH_PREFIX,
    Mailboxes,
    account_of,
)
from chatmaild.store.maildir import Message, scan

# what an interrupted creation leaves, and an IMAP session that outlives its address
_REMAINS = re.compile(
    f"{ENFORCE_ENCRYPTION}|{DISABLED}|{NEARLY_FULL}|dovecot.*|maildir.*|subscriptions"
)


@dataclass(slots=True)
class Report:
    """What was found and what was really deleted."""

    addresses: int = 0
    deleted_addresses: int = 0
    messages: int = 0
    deleted_messages: int = 0
    deleted_bytes: int = 0
    deleted_directories: int = 0
    # directories that an operator should look at: of no address and not empty, unreadable, or
    # with a file that cannot be deleted
    strange: set[str] = field(default_factory=set)

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
    mailboxes: Mailboxes,
    retention: Retention,
    now_s: float,
    report: Report,
    *,
    dry_run: bool,
    delete: Callable[[Address], bool],
) -> None:
    """Visit each directory below the mailboxes' one; one that fails does not stop the walk.

    Args:
        delete: deletes an account; whether it was there.

    Raises:
        OSError: the mailboxes' directory cannot be read.
    """
    oldest_login_s = now_s - retention.delete_inactive_after_days * DAY_S

    def visit(entry: "os.DirEntry[str]") -> None:
        last_login_s = _modified_s(f"{entry.path}/{PASSWORD}")
        if "@" not in entry.name or last_login_s is None:
            _left_over(entry.path, now_s, report, dry_run=dry_run)
            return
        address = account_of(entry.name)
        if address is None:
            # nobody can log in there, but its messages become too old as all others do
            report.strange.add(entry.path)
        else:
            report.addresses += 1
            if last_login_s < oldest_login_s:
                report.deleted_addresses += dry_run or delete(address)
                return
        clean_mailbox(Path(entry.path), retention, now_s, report, dry_run=dry_run)

    with os.scandir(mailboxes.directory) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    visit(entry)
            except OSError:
                report.strange.add(entry.path)


def clean_mailbox(
    path: Path, retention: Retention, now_s: float, report: Report, *, dry_run: bool
) -> None:
    """Delete what is too old or over quota in one mailbox; count what is gone afterwards."""
    doomed: list[Message] = []
    kept: list[Message] = []
    for message in scan(str(path)):
        (doomed if too_old(message, retention, now_s) else kept).append(message)
    report.messages += len(kept) + len(doomed)
    doomed += over_quota(kept, retention, now_s)
    for message in doomed:
        try:
            if not dry_run:
                os.unlink(message.path)  # noqa: PTH108 - a million of them
        except FileNotFoundError:
            continue  # a client has deleted or renamed it meanwhile
        except OSError:
            report.strange.add(str(path))
            continue
        report.deleted_messages += 1
        report.deleted_bytes += message.size_bytes
    if doomed and not dry_run:
        for name in (QUOTA_FILE, NEARLY_FULL):
            (path / name).unlink(missing_ok=True)


def _left_over(path: str, now_s: float, report: Report, *, dry_run: bool) -> None:
    """Remove what a deletion or a creation left half-done; report what is something else."""
    modified_s = _modified_s(path)
    if modified_s is None or now_s - modified_s < DAY_S:
        # somebody may be at work on it
        return
    name = Path(path).name
    trash = name.startswith(TRASH_PREFIX) and "@" not in name
    if not trash and not _is_empty(path):
        report.strange.add(path)
        return
    if not dry_run:
        shutil.rmtree(path, ignore_errors=True)
        if _modified_s(path) is not None:
            report.strange.add(path)
            return
    report.deleted_directories += 1


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
