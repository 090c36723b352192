"""One pass over all mailboxes; `retention` decides which messages to delete."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.expire.deletion import Deletion, Dovecot
from chatmaild.expire.retention import is_nearly_full, over_quota, too_old, too_old_if_listed
from chatmaild.settings import Retention
from chatmaild.store import maildir
from chatmaild.store.fullness import NEARLY_FULL, set_nearly_full
from chatmaild.store.mail import scan, sdbox
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
from chatmaild.store.maildir import Message

# files that an interrupted creation leaves, or an IMAP session of a deleted account
_LEFTOVER_FILES: Final = re.compile(
    f"{ENFORCE_ENCRYPTION}|{DISABLED}|{NEARLY_FULL}|{IMPORTED}|dovecot.*|maildir.*|subscriptions"
    "|cur|new|tmp|mailboxes|conversion-failed"
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
    dovecot: Dovecot,
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
        deletion = Deletion(Path(entry.path), dovecot if address else None)
        clean_mailbox(deletion, retention, now_s, report, dry_run=dry_run)

    with os.scandir(mailboxes.directory) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    visit(entry)
            except OSError:
                report.needs_care.add(entry.path)


def clean_mailbox(
    deletion: Deletion, retention: Retention, now_s: float, report: Report, *, dry_run: bool
) -> None:
    """Delete the messages of one mailbox that are too old or over quota; count those deleted.

    Dovecot's caches lose the headers of deleted messages, too.

    Raises:
        OSError: the mailbox cannot be read, or Dovecot does not answer.
    """
    path = str(deletion.mailbox)
    folders = list(sdbox.folders(path))
    expired: list[Message] = []
    if_listed: list[Message] = []
    kept: list[Message] = []
    for message in (*chain.from_iterable(map(sdbox.messages, folders)), *maildir.scan(path)):
        if too_old(message, retention, now_s):
            expired.append(message)
        elif too_old_if_listed(message, retention, now_s):
            if_listed.append(message)
        else:
            kept.append(message)
    report.messages += len(kept) + len(if_listed) + len(expired)
    delete = deletion.count if dry_run else deletion.delete
    deleted = delete(expired, if_listed)
    gone = {message.path for message in deleted}
    kept += (message for message in if_listed if message.path not in gone)
    over = over_quota(kept, retention, now_s)
    if over:
        deleted += delete(over)
        kept = [message for message in kept if message not in set(over)]
    report.deleted_messages += len(deleted)
    report.deleted_bytes += sum(message.size_bytes for message in deleted)
    report.kept_bytes += sum(message.size_bytes for message in kept)
    if not dry_run:
        deletion.repair(folders, kept, now_s)
        set_nearly_full(path, is_nearly_full(kept, retention))
        deletion.purge(folders, any_of_maildir=any(one.part != sdbox.PART for one in deleted))
    if deletion.is_incomplete:
        report.needs_care.add(path)


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
