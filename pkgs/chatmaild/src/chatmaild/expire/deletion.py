"""Delete messages of a mailbox for good: the files, and their headers in Dovecot's caches."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from chatmaild.errors import DovecotError
from chatmaild.store import maildir
from chatmaild.store.mail import sdbox
from chatmaild.store.mail.sdbox import Folder
from chatmaild.store.maildir import Message

# 60 s: longer than a delivery, between its message and its entry in the index
_DELIVERY_S: Final = 60


class Dovecot(Protocol):
    """What Dovecot does here (store.doveadm.Doveadm)."""

    def expunge(
        self, account: str, folder: str, uids: Iterable[int], *, listed_only: bool = False
    ) -> None: ...
    def purge_cache(self, account: str, folder: str) -> None: ...
    def rebuild(self, account: str, folder: str) -> None: ...


class Deletion:
    """Deletes messages of one mailbox.

    Args:
        dovecot: None for the directory of no account, where Dovecot does nothing.

    Attributes:
        is_incomplete: whether a message could not be deleted.
    """

    def __init__(self, mailbox: Path, dovecot: Dovecot | None) -> None:
        self.mailbox = mailbox
        self.is_incomplete = False
        self._dovecot = dovecot

    @staticmethod
    def count(messages: Iterable[Message], if_listed: Iterable[Message] = ()) -> list[Message]:
        """Return what `delete` would, if a client has listed all messages."""
        return [*messages, *if_listed]

    def delete(
        self, messages: Iterable[Message], if_listed: Iterable[Message] = ()
    ) -> list[Message]:
        """Delete messages, and those of `if_listed` that a client has listed; return them.

        Raises:
            OSError: Dovecot does not answer.
        """
        messages, if_listed = list(messages), list(if_listed)
        boxed = [one for one in messages if one.part == sdbox.PART]
        self._expunge(boxed, listed_only=False)
        self._expunge(if_listed, listed_only=True)
        deleted = [one for one in (*boxed, *if_listed) if not _exists(one.path)]
        for one in messages:
            # also what Dovecot does not know or could not expunge: it repairs its index
            if one.part == sdbox.PART and not _exists(one.path):
                continue
            try:
                os.unlink(one.path)  # noqa: PTH108 - faster, for a million messages
            except FileNotFoundError:
                continue  # an IMAP client deleted or renamed it
            except OSError:
                self.is_incomplete = True
            else:
                deleted.append(one)
        return deleted

    def _expunge(self, messages: Iterable[Message], *, listed_only: bool) -> None:
        if self._dovecot is None:
            return
        uids = defaultdict(list)
        for one in messages:
            uids[one.folder].append(one.uid)
        for folder, numbers in uids.items():
            with contextlib.suppress(DovecotError):
                self._dovecot.expunge(self.mailbox.name, folder, numbers, listed_only=listed_only)

    def repair(self, folders: Iterable[Folder], messages: Iterable[Message], now_s: float) -> None:
        """Have Dovecot find messages that its index does not know.

        Raises:
            OSError: Dovecot does not answer.
        """
        if self._dovecot is None:
            return
        newest_s: dict[str, float] = {}
        for one in messages:
            if one.part == sdbox.PART and one.time_s < now_s - _DELIVERY_S:
                newest_s[one.folder] = max(one.time_s, newest_s.get(one.folder, 0.0))
        for folder in folders:
            if folder.name in newest_s and sdbox.is_behind(folder, newest_s[folder.name]):
                with contextlib.suppress(DovecotError):
                    self._dovecot.rebuild(self.mailbox.name, folder.name)

    def purge(self, folders: Iterable[Folder], *, any_of_maildir: bool) -> None:
        """Remove headers of deleted messages from the caches; Dovecot makes a missing cache anew.

        Args:
            any_of_maildir: messages of a maildir were deleted, which Dovecot has not counted.

        Raises:
            OSError: a file could not be removed.
        """
        for folder in folders:
            if not sdbox.has_deleted_headers(folder):
                continue
            if self._dovecot is not None:
                with contextlib.suppress(DovecotError):
                    self._dovecot.purge_cache(self.mailbox.name, folder.name)
            if sdbox.has_deleted_headers(folder):
                Path(folder.path, sdbox.CACHE).unlink(missing_ok=True)
        for place in maildir.folders(str(self.mailbox)):
            if any_of_maildir or sdbox.has_deleted_headers(Folder("", place)):
                Path(place, sdbox.CACHE).unlink(missing_ok=True)


def _exists(path: str) -> bool:
    return os.path.lexists(path)
