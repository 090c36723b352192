"""Deleting what is too old, too large or not used any more (`chatmaild expire`)."""

import functools
import time

from chatmaild.accounts import lifecycle
from chatmaild.address import Address
from chatmaild.expire.job import Report, clean_mailbox, expire_mailboxes
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes


def run(settings: Settings, *, dry_run: bool, verbose: bool) -> str:
    """Walk all mailboxes once and delete; the summary in one line, before it with `verbose` one
    line for each directory that needs an operator's care.

    Raises:
        OSError: the mailboxes' directory cannot be read.
    """
    started_s = time.monotonic()
    report = Report()
    expire_mailboxes(
        Mailboxes.of(settings),
        settings.retention,
        time.time(),
        report,
        dry_run=dry_run,
        delete=functools.partial(lifecycle.delete, settings),
    )
    took_s = time.monotonic() - started_s
    lines = [f"needs care: {path}" for path in sorted(report.needs_care)] if verbose else []
    return "\n".join([*lines, report.summary(took_s, dry_run=dry_run)])


def clean_one(settings: Settings, address: Address) -> str:
    """Bring one mailbox below its quota again; the summary in one line.

    Raises:
        OSError: the mailbox cannot be read.
    """
    report = Report()
    path = Mailboxes.of(settings).path(address)
    clean_mailbox(path, settings.retention, time.time(), report, dry_run=False)
    return f"quota: deleted {report.deleted_messages} of {report.messages} messages"
