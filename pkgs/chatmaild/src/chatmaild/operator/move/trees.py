"""What moves: directories with rsync's filters, and what they contain."""

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings
from chatmaild.store.mailboxes import PASSWORD

# of Postfix' queue directory: those with mail; not its sockets
_QUEUES: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("maildrop", "saved", "trace"),
)
# of the state directory: each machine has its own counts, and its own part of the move
_OWN: Final = ("move", "numbers", "selftest.json")
# of both formats: sdbox and maildir
_MESSAGES: Final = ("/dbox-Mails/u.", "/cur/", "/new/")
# stat(2), st_blocks
_BLOCK_BYTES: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A directory, or a file, that moves to the same path of the other machine.

    Attributes:
        omitted: names in the directory that stay.
        only: names in the directory that move; empty for all.
        is_still: nothing on the new machine changes it while it is closed: both can be compared,
            and what is only there is deleted.
        is_early: copied while mail flows, too.
    """

    path: str
    omitted: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    is_still: bool = True
    is_early: bool = True
    is_file: bool = False

    @property
    def filters(self) -> list[str]:
        """Return rsync's arguments that choose what moves."""
        chosen = [f"--include=/{name}/***" for name in self.only]
        rest = ["--exclude=/*"] if self.only else []
        return [*(f"--exclude=/{name}" for name in self.omitted), *chosen, *rest]

    def moves(self, name: str) -> bool:
        """Whether a name in the directory moves."""
        return name not in self.omitted and (not self.only or name in self.only)


def trees(settings: Settings) -> list[Tree]:
    """Return what moves. /etc moves with the configuration, except the switch of registration."""
    directories = settings.directories
    has_acme = settings.tls.mode == "acme"
    below_state = (
        *(directories.mail, directories.accounts, directories.dkim, directories.transport),
        *(() if has_acme else (directories.tls,)),
    )
    found = [
        Tree(path=directories.state, omitted=_OWN),
        *(
            Tree(path=path)
            for path in below_state
            if not Path(path).is_relative_to(directories.state)
        ),
        Tree(path=directories.postfix_queue, only=_QUEUES, is_early=False),
    ]
    if has_acme:
        # certificate, and the account that CAA names; the new machine's units look after them
        certificates = Path(directories.tls)
        ours = (certificates.name, ".lego")
        found.append(Tree(path=str(certificates.parent), only=ours, is_still=False))
    stop_file = settings.registration.stop_file
    if Path(stop_file).exists():
        found.append(Tree(path=stop_file, is_still=False, is_file=True))
    return [tree for tree in found if Path(tree.path).exists()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file: its path relative to the tree."""

    path: str
    full: str
    status: os.stat_result


def entries(tree: Tree) -> Iterator[Entry]:
    """Yield the files of a tree, without directories and sockets, sorted by path."""
    if tree.is_file:
        yield Entry(path="", full=tree.path, status=os.lstat(tree.path))
        return
    yield from _below(tree.path, "", tree)


def _below(directory: str, prefix: str, tree: Tree | None) -> Iterator[Entry]:
    try:
        with os.scandir(directory) as found:
            names = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in names:
        if tree is not None and not tree.moves(entry.name):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # delivered, read or deleted meanwhile
        path = f"{prefix}{entry.name}"
        if stat.S_ISDIR(status.st_mode):
            yield from _below(entry.path, f"{path}/", None)
        elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            yield Entry(path=path, full=entry.path, status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a machine has.

    Attributes:
        digest: of names, sizes, times, rights and owners of all files, and of the contents of
            keys, invites and queue; of trees that are still only.
    """

    digest: str
    addresses: int
    messages: int
    queued: int
    files: int
    size_bytes: int


def inventory(settings: Settings) -> Inventory:
    """Read names and sizes of all files; a million take about ten seconds."""
    digest = hashlib.sha256()
    addresses = messages = queued = files = size_bytes = 0
    mail = f"{settings.directories.mail}/"
    for tree in trees(settings):
        is_queue = tree.path == settings.directories.postfix_queue
        for entry in entries(tree):
            files += 1
            size_bytes += entry.status.st_blocks * _BLOCK_BYTES
            is_mailbox = tree.is_still and entry.full.startswith(mail)
            addresses += is_mailbox and entry.path.endswith(f"/{PASSWORD}")
            messages += is_mailbox and any(part in entry.path for part in _MESSAGES)
            queued += is_queue and not entry.path.startswith(("bounce", "defer/", "flush", "trace"))
            if tree.is_still:
                digest.update(_line(tree, entry, reads=not is_mailbox))
    return Inventory(
        digest=digest.hexdigest(),
        addresses=addresses,
        messages=messages,
        queued=queued,
        files=files,
        size_bytes=size_bytes,
    )


def changed_since(tree: Tree, since_s: float) -> Iterator[str]:
    """Yield the files whose inode changed since then, by their paths in the tree.

    rsync compares size and modification time. Some files keep both when they change: the time of a
    password file is the day of the last login.
    """
    for entry in entries(tree):
        if entry.status.st_ctime >= since_s:
            yield entry.path


def dated(tree: Tree) -> Iterator[str]:
    """Yield the files that may keep size and time when they change, by their paths in the tree."""
    for entry in entries(tree):
        if entry.path.rpartition("/")[2] == PASSWORD:
            yield entry.path


def _line(tree: Tree, entry: Entry, *, reads: bool) -> bytes:
    status = entry.status
    facts = (
        *(tree.path, entry.path, status.st_size, status.st_mtime_ns, status.st_mode),
        *(_user(status.st_uid), _group(status.st_gid)),
    )
    line = f"{facts}\n".encode("utf-8", "surrogateescape")
    if not reads:
        return line
    if stat.S_ISLNK(status.st_mode):
        return line + os.fsencode(os.readlink(entry.full))  # noqa: PTH115
    return line + hashlib.sha256(Path(entry.full).read_bytes()).digest()


@cache
def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@cache
def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
