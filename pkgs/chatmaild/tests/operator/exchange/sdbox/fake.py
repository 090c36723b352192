"""Dovecot with accounts that are sdbox: writes message files, and remembers flags and UIDs."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from chatmaild.errors import DovecotError
from chatmaild.store.mail import dbox, sdbox
from chatmaild.store.mail.doveadm import Status


def message_file(text: bytes, identity: str, received_s: int) -> bytes:
    """A message file of Dovecot 2.4."""
    head = b"2 M1e C%x\n\1\2N %8s %016X\n" % (received_s, b"", len(text))
    virtual = len(text) + text.count(b"\n")
    metadata = f"R{received_s:x}\nV{virtual:x}\nG{identity}\n\n".encode()
    return head + text + b"\n\1\3\n" + metadata


@dataclass
class Folder:
    """A folder of an account; flags by UID."""

    validity: int
    next_uid: int = 1
    flags: dict[int, frozenset[str]] = field(default_factory=dict)


@dataclass
class FakeDovecot:
    """What `import` and `export` ask; after `fails_after` commands the process is killed.

    Attributes:
        errors: of commands that fail.
    """

    mail: Path
    boxes: dict[tuple[str, str], Folder] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    fails_after: int = 1000
    errors: dict[str, BaseException] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def convert(self, account: str) -> None:
        """Convert an account from maildir, as chatmail-storage does."""
        home = self.mail / account
        for part in ("cur", "new"):
            for number, path in enumerate(sorted((home / part).iterdir())):
                base, _, flags = path.name.partition(":2,")
                listed = re.search(rf"(\d+) :{re.escape(base)}", _text(home / "dovecot-uidlist"))
                uid = int(listed[1]) if listed else number + 1
                names = {"S": r"\Seen", "F": r"\Flagged"}
                letters, when_s = {names[f] for f in flags}, int(path.stat().st_mtime)
                self.put(account, path.read_bytes(), base, uid, letters, received_s=when_s)
                path.unlink()
            (home / part).rmdir()
        header = re.match(r"3 V(\d+) N(\d+)", _text(home / "dovecot-uidlist"))
        if header:
            box = self.boxes.setdefault((account, "INBOX"), Folder(0))
            box.validity, box.next_uid = int(header[1]), int(header[2])
        (home / "mailboxes").mkdir(exist_ok=True)

    def put(
        self,
        account: str,
        text: bytes,
        identity: str,
        uid: int | None = None,
        flags: Iterable[str] = (),
        folder: str = "INBOX",
        received_s: int | None = None,
    ) -> int:
        """Deliver a message; return its UID."""
        place = self._place(account, folder)
        place.mkdir(parents=True, exist_ok=True)
        box = self.boxes.setdefault((account, folder), Folder(int(time.time())))
        uid = uid if uid is not None and uid >= box.next_uid else box.next_uid
        when_s = int(time.time()) if received_s is None else received_s
        (place / f"u.{uid}").write_bytes(message_file(text, identity, when_s))
        box.next_uid = uid + 1
        box.flags[uid] = frozenset(flags)
        return uid

    def texts(self, account: str, folder: str = "INBOX") -> dict[int, str]:
        """The last line of each message, by UID."""
        box = self.boxes[account, folder]
        found = {}
        for uid in box.flags:
            raw = (self._place(account, folder) / f"u.{uid}").read_bytes()
            found[uid] = raw.partition(b"\n\1\3\n")[0].decode().splitlines()[-1]
        return found

    def status(self, account: str, folder: str) -> Status:
        self._note("status")
        if folder == "INBOX":
            self._make(account, folder)
        box = self._box(account, folder)
        return Status(box.validity, box.next_uid, "0f" * 16)

    def flags(self, account: str, folder: str) -> dict[int, frozenset[str]]:
        self._note("flags")
        return dict(self._box(account, folder).flags)

    def create(self, account: str, folder: str) -> None:
        self._note("create")
        self._make(account, folder)

    def set_validity(self, account: str, folder: str, validity: int) -> None:
        self._note("set_validity")
        self._box(account, folder).validity = validity

    def reserve_uids(self, account: str, folder: str, next_uid: int) -> None:
        self._note("reserve_uids")
        box = self._box(account, folder)
        box.next_uid = max(box.next_uid, next_uid)

    def add_flags(
        self, account: str, folder: str, flags: Iterable[str], uids: Iterable[int]
    ) -> None:
        self._note("add_flags")
        for uid in uids:
            self._box(account, folder).flags[uid] |= frozenset(flags)

    def renumber(self, account: str, folder: str, uids: Iterable[int]) -> None:
        uids = list(uids)
        for uid in uids:
            stored = dbox.read_file(str(self._place(account, folder) / f"u.{uid}"))
            raw = (self._place(account, folder) / f"u.{uid}").read_bytes()
            text = raw[stored.offset : stored.offset + stored.size_bytes]
            self.put(account, text, stored.identity, None, self._box(account, folder).flags[uid])
        self._note("renumber")  # a machine that stops here has both
        self.expunge(account, folder, uids)

    def expunge(self, account: str, folder: str, uids: Iterable[int]) -> None:
        self._note("expunge")
        for uid in uids:
            (self._place(account, folder) / f"u.{uid}").unlink()
            del self._box(account, folder).flags[uid]

    def save(
        self, account: str, folder: str, path: str, *, guid: str, received_s: int, uid: int | None
    ) -> None:
        self._note("save")
        text = Path(path).read_bytes().replace(b"\r\n", b"\n")
        self.put(account, text, guid, uid, folder=folder, received_s=received_s)

    def _note(self, command: str) -> None:
        if len(self.commands) >= self.fails_after:
            raise KeyboardInterrupt
        if command in self.errors:
            raise self.errors[command]
        self.commands.append(command)

    def _make(self, account: str, folder: str) -> None:
        self._place(account, folder).mkdir(parents=True, exist_ok=True)
        self.boxes.setdefault((account, folder), Folder(int(time.time())))

    def _box(self, account: str, folder: str) -> Folder:
        try:
            return self.boxes[account, folder]
        except KeyError as error:
            raise DovecotError from error

    def _place(self, account: str, folder: str) -> Path:
        return self.mail / account / sdbox.ROOT / folder / sdbox.MESSAGES


def state(home: Path) -> dict[str, tuple[bytes, float]]:
    """All files of an account."""
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime)
        for path in home.rglob("*")
        if path.is_file()
    }


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
