"""One pass over all mailboxes; `retention` decides which messages to delete."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.expire.index_cache import remove_caches
from chatmaild.expire.retention import over_quota, too_old
from chatmaild.settings import Retention
from chatmaild.store.fullness import NEARLY_FULL, QUOTA_FILE
from chatmaild.store.mailboxes import (
    DAY_S,
    DISABLED,
    ENFORCE_ENCRYPTION,
    IMPORTED,
    PASSWORD,
    TRASH_PREFIX,
    Mailboxes,
    account_of,
)
from chatmaild.store.maildir import Message, scan

# files that an interrupted creation leaves, or an IMAP session of a deleted account
_LEFTOVER_FILES: Final = re.compile(
    f"{ENFORCE_ENCRYPTION}|{DISABLED}|{NEARLY_FULL}|{IMPORTED}|dovecot.*|maildir.*|subscriptions"
)


@dataclass(slots=True)
class Report:
    """Counts of one pass: what was found and what was deleted."""

    addresses: int = 0
    deleted_addresses: int = 0
    messages: int = 0
    deleted_messages: int = 0
    deleted_bytes: int = 0
    # of what stays
    kept_bytes: int = 0
    deleted_directories: int = 0
    # directories for the operator to check: of no account and not empty, unreadable, or with a
    # file that cannot be deleted
    needs_care: set[str] = field(default_factory=set)

    def summary(self, took_s: float, *, dry_run: bool) -> str:
        """One line for the journal, without addresses."""
        verb = "would delete" if dry_run else "deleted"
        return (
            f"expire: {verb} {self.deleted_messages} of {self.messages} messages"
            f" ({self.deleted_bytes / 1e6:.1f} MB),"
            f" {self.deleted_addresses} of {self.addresses} addresses,"
            f" {self.deleted_directories} left-over directories;"
            f" {len(self.needs_care)} directories need care; {took_s:.1f} s"
        )


def expire_mailboxes(
    mailboxes: Mailboxes,
    retention: Retention,
    now_s: float,
    report: Report,
    *,
    dry_run: bool,
    delete: Callable[[Address], bool],
) -> None:
    """Expire every mailbox; a directory that fails is counted and skipped.

    Args:
        report: counts of this pass.
        delete: deletes an account and returns whether it existed.

    Raises:
        OSError: the mail directory cannot be read.
    """
    oldest_login_s = now_s - retention.delete_inactive_after_days * DAY_S

    def visit(entry: "os.DirEntry[str]") -> None:
        last_login_s = _modified_s(f"{entry.path}/{PASSWORD}")
        if "@" not in entry.name or last_login_s is None:
            _clean_leftover(entry.path, now_s, report, dry_run=dry_run)
            return
        address = account_of(entry.name)
        if address is None:
            # no login can use this name, but its messages expire as all others
            report.needs_care.add(entry.path)
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
                report.needs_care.add(entry.path)


def clean_mailbox(
    path: Path, retention: Retention, now_s: float, report: Report, *, dry_run: bool
) -> None:
    """Delete the messages of one mailbox that are too old or over quota; count those deleted.

    Dovecot's caches that hold headers of deleted messages are removed, too.
    """
    expired: list[Message] = []
    kept: list[Message] = []
    for message in scan(str(path)):
        (expired if too_old(message, retention, now_s) else kept).append(message)
    report.messages += len(kept) + len(expired)
    report.kept_bytes += sum(message.size_bytes for message in kept)
    expired_by_quota = over_quota(kept, retention, now_s)
    report.kept_bytes -= sum(message.size_bytes for message in expired_by_quota)
    expired += expired_by_quota
    for message in expired:
        try:
            if not dry_run:
                os.unlink(message.path)  # noqa: PTH108 - faster, for a million messages
        except FileNotFoundError:
            continue  # an IMAP client deleted or renamed it
        except OSError:
            report.needs_care.add(str(path))
            continue
        report.deleted_messages += 1
        report.deleted_bytes += message.size_bytes
    if not dry_run:
        remove_caches(path, all_of_them=bool(expired))
    if expired and not dry_run:
        for name in (QUOTA_FILE, NEARLY_FULL):
            (path / name).unlink(missing_ok=True)


def _clean_leftover(path: str, now_s: float, report: Report, *, dry_run: bool) -> None:
    """Remove a directory of an interrupted deletion or creation; report any other."""
    modified_s = _modified_s(path)
    if modified_s is None or now_s - modified_s < DAY_S:
        return  # another process may use it
    name = Path(path).name
    trash = name.startswith(TRASH_PREFIX) and "@" not in name
    if not trash and not _is_empty(path):
        report.needs_care.add(path)
        return
    if not dry_run:
        shutil.rmtree(path, ignore_errors=True)
        if _modified_s(path) is not None:
            report.needs_care.add(path)
            return
    report.deleted_directories += 1


def _is_empty(path: str) -> bool:
    """Whether a directory holds no message, and only files of `_LEFTOVER_FILES`."""
    with os.scandir(path) as entries:
        files = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
    return all(map(_LEFTOVER_FILES.fullmatch, files)) and next(scan(path), None) is None


def _modified_s(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime  # noqa: PTH116 - faster, for every mailbox
    except FileNotFoundError:
        return None
