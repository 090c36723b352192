"""A client that reads, marks and moves messages all the time, and remembers what it saw."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from imapclient.exceptions import IMAPClientError

from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.people.person import Person

FOLDER = "DeltaChat"
_FIELD = "BODY[HEADER.FIELDS (MESSAGE-ID)]"
_ID = re.compile(rb"<[^>]+>")
# each look marks the newest messages, and moves one now and then
_MARKED = 3
_MOVED_EVERY = 5
# a relay allows 50 folders
_MOST_MADE = 40
_MADE_EVERY = 2
_PAUSE_S = 0.05


@dataclass(kw_only=True)
class Reader:
    """A client of a person.

    Attributes:
        seen: Message-ID by folder and UID.
        validities: values of UIDVALIDITY by folder; a client fetches all anew at a second one.
        marked: Message-IDs that the server has marked as seen.
        contradictions: UIDs that had another message before.
        longest_s: the longest time without an answer.
        ends: how many sessions ended.
        made: folders that the server has created.
    """

    person: Person
    seen: dict[tuple[str, int], bytes] = field(default_factory=dict)
    validities: dict[str, set[int]] = field(default_factory=dict)
    marked: set[bytes] = field(default_factory=set)
    contradictions: list[tuple[str, int]] = field(default_factory=list)
    longest_s: float = 0
    ends: int = 0
    made: set[str] = field(default_factory=set)
    _looks: int = 0

    def reads(self, over: threading.Event) -> None:
        """Reads until `over` is set; logs in again when a session ends."""
        answered_s = time.monotonic()
        session: Imap | None = None
        while not over.wait(_PAUSE_S):
            try:
                session = session or self.person.logs_in()
                self.looks(session)
            except (IMAPClientError, OSError):
                self.ends += 1
                session = None
            else:
                now_s = time.monotonic()
                self.longest_s = max(self.longest_s, now_s - answered_s)
                answered_s = now_s
        if session is not None:
            session.end()

    def looks(self, session: Imap) -> None:
        """Looks at new messages, marks some, moves one now and then, and makes a folder."""
        self._looks += 1
        found = self._fetch(session, "INBOX")
        newest = sorted(found)[-_MARKED:]
        if newest:
            session.add_flags(newest, [rb"\Seen", b"$Marked"])
            self.marked |= {found[uid] for uid in newest}
        if newest and self._looks % _MOVED_EVERY == 0:
            session.move(newest[:1], FOLDER)
        self._fetch(session, FOLDER)
        if self._looks % _MADE_EVERY == 0 and len(self.made) < _MOST_MADE:
            name = f"Made{self._looks}"
            session.create_folder(name)
            self.made.add(name)

    def takes_stock(self) -> tuple[Counter[bytes], set[bytes]]:
        """Returns how often each message is there, and which are marked as seen."""
        session = self.person.logs_in()
        if not session.folder_exists(FOLDER):
            session.create_folder(FOLDER)
        there: Counter[bytes] = Counter()
        marked: set[bytes] = set()
        for folder in ("INBOX", FOLDER):
            self._select(session, folder)
            for uid, parts in _fetched(session, 1, "FLAGS").items():
                identity = self._note(folder, uid, parts)
                there[identity] += 1
                if rb"\Seen" in parts[b"FLAGS"] and b"$Marked" in parts[b"FLAGS"]:
                    marked.add(identity)
        session.end()
        return there, marked

    def _fetch(self, session: Imap, folder: str) -> dict[int, bytes]:
        self._select(session, folder)
        last = max((uid for name, uid in self.seen if name == folder), default=0)
        parts = _fetched(session, max(1, last - _MARKED))
        return {uid: self._note(folder, uid, found) for uid, found in parts.items()}

    def _select(self, session: Imap, folder: str) -> None:
        status = session.select_folder(folder)
        self.validities.setdefault(folder, set()).add(status[b"UIDVALIDITY"])

    def _note(self, folder: str, uid: int, parts: dict[bytes, Any]) -> bytes:
        match = _ID.search(parts[_FIELD.encode()])
        identity = match[0] if match else b""
        if self.seen.setdefault((folder, uid), identity) != identity:
            self.contradictions.append((folder, uid))
        return identity


def _fetched(session: Imap, first: int, *items: str) -> dict[int, dict[bytes, Any]]:
    uids = [uid for uid in session.search(f"UID {first}:*") if uid >= first]
    found: dict[int, dict[bytes, Any]] = (
        session.fetch(uids, [*items, _FIELD.replace("[", ".PEEK[", 1)]) if uids else {}
    )
    return found
