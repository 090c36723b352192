"""Commands for Dovecot's messages, through a socket that allows these alone.

The protocol is that of `doveadm-server` (Dovecot 2.4, src/doveadm/client-connection-tcp.c), version
1.0: a line per command, its fields separated by tabs; the answer ends in a line with `+` or `-`.
"""

import contextlib
import re
import socket
from collections.abc import Iterable, Sequence
from typing import Final, Self

from chatmaild.errors import DovecotError

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
        if _WILDCARDS & set(folder):
            raise DovecotError("Dovecot would delete messages of other folders, too")
        numbers = sorted(uids)
        more = ["old"] if listed_only else []
        for start in range(0, len(numbers), _UIDS_AT_ONCE):
            some = numbers[start : start + _UIDS_AT_ONCE]
            self.run(account, "expunge", "mailbox", folder, "uid", _set(some), *more)

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
            raise DovecotError("Dovecot could not change a mailbox")
        return answer[: found.start()].decode(errors="replace")

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


def _set(uids: Sequence[int]) -> str:
    """UIDs in IMAP's syntax, with ranges."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and ranges[-1][1] + 1 == uid:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{first}:{last}" if first != last else f"{first}" for first, last in ranges)
