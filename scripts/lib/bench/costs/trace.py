"""Counts what a daemon does from the output of strace: pure, so it needs no relay.

`strace -f -y -Y -s 0` writes a line for each system call:

    57<cleanup> write(11</var/lib/postfix/queue/incoming/4AB>, ""..., 4096) = 4096
    57<cleanup> read(12<socket:[881]>,  <unfinished ...>
    57<cleanup> <... read resumed>""..., 4096) = 34
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

# those that wait for the disk
_SYNCS: Final = frozenset({"fsync", "fdatasync", "syncfs", "sync_file_range", "msync"})
_WRITES: Final = frozenset({"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile"})
_SENDS: Final = frozenset({"write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile"})
_RECEIVES: Final = frozenset({"read", "readv", "recvfrom", "recvmsg", "recvmmsg"})
# each changes a directory
_NAMES: Final = frozenset(
    {
        *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
        *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
    }
)
_LINE: Final = re.compile(r"^(?P<pid>\d+)<(?P<program>[^>]*)> +(?P<text>.*)$")
_BEGIN: Final = re.compile(r"^(?P<name>\w+)\((?:\d+<(?P<target>[^>]*)>)?")
_RESUMED: Final = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>")
_RESULT: Final = re.compile(r" = (?P<value>-?\d+)(?:<(?P<target>[^>]*)>)?[^=]*$")
_UNFINISHED: Final = "<unfinished ...>"
_SOCKET: Final = "socket:"


@dataclass(slots=True)
class Counts:
    """What a program did."""

    system_calls: int = 0
    disk_syncs: int = 0
    bytes_written: int = 0  # to files
    directory_changes: int = 0
    round_trips: int = 0  # as the client: it sent, and received the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    program: str
    name: str
    text: str
    target: str  # of the first argument, a file descriptor; empty if it is none
    result: int
    returned: str  # of the result, if that is a file descriptor


@dataclass(slots=True)
class _Socket:
    """One end of a connection. An end that sends first, or connects, is a client's."""

    is_client: bool | None = None
    has_sent: bool = False


@dataclass(slots=True)
class _Tally:
    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    sockets: dict[str, _Socket] = field(default_factory=lambda: defaultdict(_Socket))

    def add(self, call: _Call) -> None:
        counts = self.counts[call.program]
        counts.system_calls += 1
        if call.name in _SYNCS:
            counts.disk_syncs += 1
        if call.result < 0 and call.name != "connect":  # EINPROGRESS
            return
        if call.name in _NAMES or (call.name == "openat" and "O_EXCL" in call.text):
            counts.directory_changes += 1
        elif call.target.startswith(_SOCKET):
            self._on_socket(call, counts)
        elif call.name in _WRITES and _is_file(call.target):
            counts.bytes_written += call.result

    def _on_socket(self, call: _Call, counts: Counts) -> None:
        if call.name in {"accept", "accept4"}:
            # the kernel uses a number again for a later socket
            self.sockets[call.returned] = _Socket(is_client=False)
            return
        if call.name == "connect":
            self.sockets[call.target] = _Socket(is_client=True)
            return
        socket = self.sockets[call.target]
        if call.name in _SENDS:
            socket.is_client = socket.is_client is not False
            socket.has_sent = True
        elif call.name in _RECEIVES and call.result > 0:
            if socket.is_client is None:
                socket.is_client = False
            counts.round_trips += socket.is_client and socket.has_sent
            socket.has_sent = False


def counted(lines: Iterable[str]) -> Mapping[str, Counts]:
    """Return what each program did, by its name."""
    tally = _Tally()
    for call in _calls(lines):
        tally.add(call)
    return dict(tally.counts)


def _calls(lines: Iterable[str]) -> Iterator[_Call]:
    """Yield system calls when they end; those that do not end are none."""
    begun: dict[str, str] = {}
    for line in lines:
        found = _LINE.match(line)
        if found is None:
            continue
        pid, program, text = found["pid"], found["program"], found["text"]
        if text.endswith(_UNFINISHED):
            begun[pid] = text.removesuffix(_UNFINISHED)
            continue
        if resumed := _RESUMED.match(text):
            text = begun.pop(pid, f"{resumed['name']}(") + text[resumed.end() :]
        begin, result = _BEGIN.match(text), _RESULT.search(text)
        if begin and result:
            yield _Call(
                program=program,
                name=begin["name"],
                text=text,
                target=begin["target"] or "",
                result=int(result["value"]),
                returned=result["target"] or "",
            )


def _is_file(target: str) -> bool:
    return target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/sys/"))
