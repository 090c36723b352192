"""Message files of a mailbox, in both formats: sdbox, and maildir until it is converted."""

from collections.abc import Iterator

from chatmaild.store import maildir
from chatmaild.store.mail import sdbox
from chatmaild.store.maildir import Message


def scan(mailbox: str) -> Iterator[Message]:
    """All message files of a mailbox and its folders."""
    yield from sdbox.scan(mailbox)
    yield from maildir.scan(mailbox)
