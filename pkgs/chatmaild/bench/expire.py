"""Makes 100,000 mailboxes with 1,000,000 messages and walks them: time and memory of `expire`.

    python bench/expire.py [--directory DIR] [--mailboxes N] [--messages-each N]

A tenth of the messages is too old. The tree is removed at the end.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CHILD = """
import resource, sys, time
from chatmaild.expire.job import Report, expire_mailboxes
from chatmaild.settings import Retention
from chatmaild.store.mailboxes import Mailboxes
retention = Retention(
    delete_after_days=20, delete_large_after_days=7, large_message_bytes=200000,
    delete_inactive_after_days=90, quota_megabytes=500, max_messages=50000, max_folders=50,
    quota_warn_percent=75, quota_clean_percent=70, quota_keep_hours=24,
)

# deletes nothing: the files are deleted without it
class Dovecot:
    def expunge(self, *arguments, **options): pass
    def purge_cache(self, *arguments): pass
    def rebuild(self, *arguments): pass

report, started, mailboxes = Report(), time.monotonic(), Mailboxes(sys.argv[1])
dry = sys.argv[2] == "dry"
expire_mailboxes(
    mailboxes, retention, time.time(), report,
    dry_run=dry, delete=mailboxes.delete, dovecot=Dovecot(),
)
print(report.summary(time.monotonic() - started, dry_run=dry))
print(f"{time.process_time():.1f} s of a core")
print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
"""


def make_tree(root: pathlib.Path, mailboxes: int, messages_each: int) -> None:
    """Mailboxes in sdbox; nine of ten messages are of today."""
    now = int(time.time())
    for number in range(mailboxes):
        box = root / f"u{number:08}@chat.example.org"
        inbox = box / "mailboxes" / "INBOX" / "dbox-Mails"
        inbox.mkdir(parents=True)
        (box / "password").write_text("x")
        for message in range(messages_each):
            then = now - (30 * 86400 if message == 0 else 3600)
            name = inbox / f"u.{message + 1}"
            name.touch()
            os.utime(name, (then, then))
        (inbox / "dovecot.index.log").touch()
        if number % (max(1, mailboxes // 20)) == 0:
            print(f"\rmaking the tree: {100 * number // mailboxes} %", end="", file=sys.stderr)
    print("\rmaking the tree: done ", file=sys.stderr)


def main() -> None:
    """Make a tree, expire it dry, expire it, remove it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--directory", default=tempfile.gettempdir())
    parser.add_argument("--mailboxes", type=int, default=100_000)
    parser.add_argument("--messages-each", type=int, default=10)
    arguments = parser.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="expire-", dir=arguments.directory))
    source = pathlib.Path(__file__).resolve().parents[1] / "src"
    try:
        make_tree(root, arguments.mailboxes, arguments.messages_each)
        for mode in ("dry", "delete"):
            subprocess.run(
                [sys.executable, "-c", CHILD, str(root), mode],
                check=True,
                env={**os.environ, "PYTHONPATH": str(source)},
            )
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
