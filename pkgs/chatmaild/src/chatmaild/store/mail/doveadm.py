"""Commands for Dovecot's messages, through a socket that allows these alone.

The protocol is that of `doveadm-server` (Dovecot 2.4, src/doveadm/client-connection-tcp.c), version
1.0: a line per command, its fields separated by tabs; the answer ends in a line with `+` or `-`.
"""

import contextlib
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Self

from chatmaild.errors import DovecotError, FullError

# 60 s: a mailbox may be locked for a rebuild of its index
_TIMEOUT_S: Final = 60.0
_PIECE_BYTES: Final = 1 << 16
_HELLO: Final = b"VERSION\tdoveadm-server\t1\t0\n"
_READY: Final = b"+\n"
_END: Final = re.compile(rb"(?:^|\n)(\+|-[^\n]*)\n\Z")
_ESCAPES: Final = str.maketrans(
    {"\x01": "\x011", "\t": "\x01t", "\n": "\x01n", "\r": "\x01r", "\0": "\x010"}
)
# in names of folders they also stand for other names
_WILDCARDS: Final = frozenset("*?%")
# a line of at most a megabyte, and a UID has at most 10 digits
_UIDS_AT_ONCE: Final = 10_000
_ESCAPED: Final = re.compile("\x01(.)", re.DOTALL)
_UNESCAPED: Final = {"1": "\x01", "t": "\t", "n": "\n", "r": "\r", "0": "\0"}
# exit code EX_CANTCREAT, the quota: Dovecot has no word for it (src/lib-doveadm/doveadm-protocol.c)
_FULL: Final = b"-UNKNOWN"


class Status(NamedTuple):
    """A folder; UIDs below `next_uid` were given to messages before."""

    validity: int
    next_uid: int
    guid: str


class Doveadm:
    """One connection for many commands; Dovecot serves each connection with a process."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def expunge(
        self, account: str, folder: str, uids: Iterable[int], *, listed_only: bool = False
    ) -> None:
        """Delete messages; those that do not exist any more are ignored.

        Args:
            account: name of the mailbox directory.
            listed_only: keep messages that no client has listed yet.

        Raises:
            DovecotError: Dovecot could not delete them, or the folder has a wildcard in its name.
            OSError: Dovecot does not answer.
        """
        more = ["old"] if listed_only else []
        for some in _searches(folder, uids):
            self.run(account, "expunge", *some, *more)

    def status(self, account: str, folder: str) -> Status:
        """UIDVALIDITY, the next UID and the GUID of a folder, which is made if it is INBOX.

        Raises:
            DovecotError: there is no such folder.
            OSError: Dovecot does not answer.
        """
        fields = "uidvalidity uidnext guid"
        for name, next_uid, validity, guid in self._rows(
            4, account, "mailbox status", fields, folder
        ):
            if name == folder:
                return Status(int(validity), int(next_uid), guid)
        raise DovecotError("Dovecot does not know a folder")

    def flags(self, account: str, folder: str) -> dict[int, frozenset[str]]:
        """Flags and keywords of the messages in a folder, by UID.

        Raises:
            DovecotError: Dovecot cannot read it, or it has a wildcard in its name.
            OSError: Dovecot does not answer.
        """
        _check(folder)
        rows = self._rows(2, account, "fetch", "uid flags", "mailbox", folder, "all")
        return {int(uid): frozenset(flags.split()) for uid, flags in rows}

    def add_flags(
        self, account: str, folder: str, flags: Iterable[str], uids: Iterable[int]
    ) -> None:
        """Add flags to messages; those that do not exist any more are ignored.

        Raises:
            DovecotError, OSError: see `expunge`.
        """
        for some in _searches(folder, uids):
            self.run(account, "flags add", " ".join(sorted(flags)), *some)

    def renumber(self, account: str, folder: str, uids: Iterable[int]) -> None:
        """Give messages new UIDs: they are copied within their folder, and then deleted.

        Raises:
            DovecotError, OSError: see `expunge`.
        """
        for some in _searches(folder, uids):
            self.run(account, "move", folder, *some)

    def create(self, account: str, folder: str) -> None:
        """Create a folder.

        Raises:
            DovecotError: there is one, or too many.
            OSError: Dovecot does not answer.
        """
        self.run(account, "mailbox create", folder)

    def set_validity(self, account: str, folder: str, validity: int) -> None:
        """Set UIDVALIDITY of a folder that no client has opened.

        Raises:
            DovecotError: Dovecot could not do it.
            OSError: Dovecot does not answer.
        """
        self.run(account, "mailbox update", "-V", str(validity), folder)

    def reserve_uids(self, account: str, folder: str, next_uid: int) -> None:
        """Give smaller UIDs to no other message.

        Raises:
            DovecotError: Dovecot could not do it.
            OSError: Dovecot does not answer.
        """
        self.run(account, "mailbox update", "-N", str(next_uid), folder)

    def save(
        self, account: str, folder: str, path: str, *, guid: str, received_s: int, uid: int | None
    ) -> None:
        """Store the message in a file; it is on disk then.

        Args:
            path: a file that the mail user can read.
            guid: the identity of the message.
            uid: its UID if that is free; None for the next one.

        Raises:
            FullError: the quota of the account refuses it.
            DovecotError: Dovecot could not do it.
            OSError: Dovecot does not answer.
        """
        number = [] if uid is None else ["-U", str(uid)]
        more = ["-g", guid, "-r", str(received_s), *number]
        self.run(account, "save", "-m", folder, *more, path)

    def purge_cache(self, account: str, folder: str) -> None:
        """Rewrite the cache of a folder without headers of deleted messages.

        Raises:
            DovecotError: Dovecot could not do it.
            OSError: Dovecot does not answer.
        """
        self.run(account, "mailbox cache purge", folder)

    def rebuild(self, account: str, folder: str) -> None:
        """Make the index of a folder anew from its message files; its sessions end.

        Raises:
            DovecotError: Dovecot could not do it.
            OSError: Dovecot does not answer.
        """
        self.run(account, "force-resync", folder)

    def run(self, account: str, command: str, *arguments: str) -> str:
        """Run a command for an account; return what it prints.

        Raises:
            DovecotError: it failed.
            OSError: Dovecot does not answer.
        """
        fields = ("", account, command, *arguments)
        line = "\t".join(field.translate(_ESCAPES) for field in fields)
        try:
            answer = self._ask(f"{line}\n".encode(errors="surrogateescape"))
        except BaseException:
            self.close()
            raise
        found = _END.search(answer)
        if found is None or found[1] != b"+":
            if found is not None and found[1].startswith(_FULL):
                raise FullError("the mailbox is full")
            raise DovecotError("Dovecot could not change a mailbox")
        return answer[: found.start()].decode(errors="replace")

    def _rows(self, width: int, account: str, command: str, *arguments: str) -> Iterator[list[str]]:
        """What a command prints: each value ends with a tab, and rows do not end."""
        printed = self.run(account, command, *arguments)
        values = [_ESCAPED.sub(_unescaped, value) for value in printed.split("\t")[:-1]]
        for start in range(0, len(values), width):
            yield values[start : start + width]

    def _ask(self, request: bytes) -> bytes:
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(request)
        answer = b""
        while not _END.search(answer[-_PIECE_BYTES:]):
            piece = self._socket.recv(_PIECE_BYTES)
            if not piece:
                raise ConnectionResetError("Dovecot ended the connection")
            answer += piece
        return answer

    def _connected(self) -> socket.socket:
        with contextlib.ExitStack() as stack:
            dovecot = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            dovecot.settimeout(_TIMEOUT_S)
            dovecot.connect(self._path)
            dovecot.sendall(_HELLO)
            if dovecot.recv(len(_READY)) != _READY:
                raise ConnectionRefusedError("Dovecot does not take commands of this user")
            stack.pop_all()
        return dovecot


def _check(folder: str) -> None:
    """Refuse names that mean other folders, too.

    Raises:
        DovecotError: it has a wildcard.
    """
    if _WILDCARDS & set(folder):
        raise DovecotError("Dovecot would take messages of other folders, too")


def _searches(folder: str, uids: Iterable[int]) -> Iterator[tuple[str, ...]]:
    """Search queries for messages of a folder.

    Raises:
        DovecotError: see `_check`.
    """
    _check(folder)
    numbers = sorted(uids)
    for start in range(0, len(numbers), _UIDS_AT_ONCE):
        some = numbers[start : start + _UIDS_AT_ONCE]
        yield "mailbox", folder, "uid", _set(some)


def _unescaped(found: re.Match[str]) -> str:
    return _UNESCAPED.get(found[1], found[1])


def _set(uids: Sequence[int]) -> str:
    """UIDs in IMAP's syntax, with ranges."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and ranges[-1][1] + 1 == uid:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{first}:{last}" if first != last else f"{first}" for first, last in ranges)
