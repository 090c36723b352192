"""The unit chatmail-expire: deletes old messages and inactive accounts (`chatmaild expire`)."""

import functools
import time

from chatmaild.accounts import lifecycle
from chatmaild.address import Address
from chatmaild.expire.deletion import Deletion
from chatmaild.expire.job import Report, clean_mailbox, expire_mailboxes
from chatmaild.metrics import numbers
from chatmaild.settings import Settings
from chatmaild.store.mail.doveadm import Doveadm
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones


def run(settings: Settings, *, dry_run: bool, verbose: bool) -> str:
    """Expire all mailboxes once; returns the summary in one line.

    `verbose` puts one line before it for each directory that the operator should check.

    Raises:
        OSError: the mail directory cannot be read, or the counts cannot be written.
    """
    started_s = time.monotonic()
    report = Report()
    with Doveadm(settings.sockets.doveadm) as dovecot:
        expire_mailboxes(
            Mailboxes.of(settings),
            settings.retention,
            time.time(),
            report,
            dry_run=dry_run,
            # nobody used the address for as long as a deleted one is kept
            delete=functools.partial(lifecycle.delete, settings, keep_name=False),
            dovecot=dovecot,
        )
    if not dry_run:
        Tombstones.of(settings).expire(now_s=time.time())
        counted = {
            "messages": report.messages - report.deleted_messages,
            "bytes": report.kept_bytes,
        }
        numbers.write(settings, numbers.MAILBOXES, {"counted_s": int(time.time()), **counted})
    took_s = time.monotonic() - started_s
    lines = [f"needs care: {path}" for path in sorted(report.needs_care)] if verbose else []
    return "\n".join([*lines, report.summary(took_s, dry_run=dry_run)])


def clean_one(settings: Settings, address: Address) -> str:
    """Reduce one mailbox below its quota; returns the summary in one line.

    Raises:
        OSError: the mailbox cannot be read, or Dovecot does not answer.
    """
    report = Report()
    path = Mailboxes.of(settings).path(address)
    with Doveadm(settings.sockets.doveadm) as dovecot:
        deletion = Deletion(path, dovecot)
        clean_mailbox(deletion, settings.retention, time.time(), report, dry_run=False)
    return f"quota: deleted {report.deleted_messages} of {report.messages} messages"
