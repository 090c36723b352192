"""The messages of a mailbox in a tree: which of them are new here, and their content."""

import hashlib
from collections.abc import Container, Set
from pathlib import Path
from typing import Final

from chatmaild.errors import UntakenError
from chatmaild.expire.retention import too_old
from chatmaild.operator.exchange import content
from chatmaild.operator.exchange.upstream.mailbox import OldMailbox, OldMessage
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings
from chatmaild.store.mail import uidlist
from chatmaild.store.mail.uidlist import Uidlist

KEYWORDS: Final = "dovecot-keywords"
# D draft, F flagged, P passed, R replied, S seen; not T, which is to be expunged there
FLAGS: Final = frozenset("DFPRS")
_UIDLIST_LIMIT: Final = 1 << 26
_KEYWORDS_LIMIT: Final = 1 << 16


class Source:
    """A mailbox in a tree.

    Args:
        directory: of the mailbox in the tree.
        imported: identities and names of messages that came before.
        now_s: messages that retention would delete now do not come.

    Attributes:
        is_complete: whether all that is new could be read, so far.
    """

    def __init__(
        self,
        directory: Directory,
        old: OldMailbox,
        settings: Settings,
        untaken: Untaken,
        *,
        imported: Set[str],
        now_s: float,
    ) -> None:
        self.old = old
        self.imported = imported
        self.now_s = now_s
        self.is_complete = True
        self._directory = directory
        self._settings = settings
        self._untaken = untaken
        self._limit_bytes = settings.mail.max_message_bytes + settings.mail.overhead_bytes

    @property
    def oldest_s(self) -> float:
        """Messages that are older are deleted here."""
        return self.now_s - self._settings.retention.delete_after_days * 86400

    def by_folder(self) -> dict[str, list[OldMessage]]:
        """The messages of each folder."""
        found: dict[str, list[OldMessage]] = {folder: [] for folder in self.old.folders}
        for message in self.old.messages:
            found[message.folder].append(message)
        return found

    def state(self) -> str:
        """A digest of messages, their flags, and the limits here: an equal one has nothing new."""
        rows = [(one.folder, one.base, "".join(sorted(one.flags))) for one in self.old.messages]
        limits = (self._settings.retention, self._limit_bytes)
        return hashlib.sha256(repr((limits, sorted(rows))).encode()).hexdigest()

    def uids(
        self, folder: str, messages: list[OldMessage], names: Container[str]
    ) -> Uidlist | None:
        """The UIDs at the other relay, of messages with these names."""
        found = self._small(folder, uidlist.FILE, _UIDLIST_LIMIT)
        parsed = uidlist.parse(found, names)
        if found and messages and parsed is None:
            name = f"{self.old.address}/{folder}/{uidlist.FILE}"
            self._untaken.add(name, "no list of UIDs: clients fetch these folders anew")
        return parsed

    def keywords(self, folder: str) -> bytes | None:
        """The list of the keywords that flags in lower case stand for."""
        return self._small(folder, KEYWORDS, _KEYWORDS_LIMIT)

    def _small(self, folder: str, name: str, limit_bytes: int) -> bytes | None:
        with self._directory.directory(*([folder] if folder else [])) as opened:
            try:
                return opened.read(name, limit_bytes) if opened else None
            except UntakenError as error:
                self._untaken.add(f"{self.old.address}/{folder}/{name}", str(error))
                return None

    def is_new(self, message: OldMessage, there: Uidlist | None) -> bool:
        """Whether it never came, and is not too old."""
        if too_old(message.facts(), self._settings.retention, self.now_s):
            return False
        return self.imported.isdisjoint({message.base, identity(message, there)})

    def copy(self, message: OldMessage, path: Path, *, durable: bool) -> int | None:
        """Write its content to a new file; return its size, None if it cannot be taken.

        Raises:
            OSError: the disk is full or fails.
        """
        try:
            with self._directory.directory(*filter(None, (message.folder, message.part))) as opened:
                if opened is not None:
                    return content.copy(
                        opened.open(message.name, links=message.links),
                        path,
                        limit_bytes=self._limit_bytes,
                        modified_s=min(message.modified_s, self.now_s),
                        durable=durable,
                    )
        except UntakenError as error:
            name = f"{self.old.address}/{message.folder}/{message.part}/{message.name}"
            self._untaken.add(name, str(error))
        except FileNotFoundError:
            pass  # a client of the other relay renamed or deleted it: the next import
        self.is_complete = False
        return None


def identity(message: OldMessage, there: Uidlist | None) -> str:
    """The first name of a message, which it keeps when it is moved."""
    row = there.rows.get(message.base) if there else None
    return row.identity if row else message.base
