"""The files of a mailbox here: messages by name, what was imported, Dovecot's lock of a folder."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Final

from chatmaild.errors import BusyError
from chatmaild.operator.exchange.upstream.mailbox import PARTS, SUBSCRIPTIONS, OldMailbox
from chatmaild.store.files import write_atomically
from chatmaild.store.mail import uidlist
from chatmaild.store.mailboxes import DISABLED, ENFORCE_ENCRYPTION, IMPORTED, METADATA
from chatmaild.store.tokens import merged_document

# 20 s: Dovecot holds it for milliseconds, and breaks a lock of a dead process
_LOCK_TIMEOUT_S: Final = 20.0
_LOCK_POLL_S: Final = 0.05
# in `imported`, where no name of a message has a colon
_STATE: Final = "state:"


def put(path: Path, data: bytes, *, durable: bool, modified_s: float | None = None) -> None:
    """Write a file: replace it at once and on disk, or create it where nobody looks yet."""
    if durable:
        write_atomically(path, data, modified_s=modified_s)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    if modified_s is not None:
        os.utime(path, (modified_s, modified_s))


def read_imported(home: Path) -> frozenset[str]:
    """The identities of messages that came with earlier imports."""
    return frozenset(name for name in _imported(home) if not name.startswith(_STATE))


def read_state(home: Path) -> str | None:
    """The state of the other relay's mailbox (source.py) of which nothing is left to import."""
    found = [name.removeprefix(_STATE) for name in _imported(home) if name.startswith(_STATE)]
    return found[0] if len(found) == 1 else None


def note_imported(
    home: Path, came: Set[str], oldest_s: float, state: str | None, durable: bool
) -> None:
    """Add identities of messages that came, and set the state; None if something is left.

    Identities of messages that are deleted by their age are forgotten.
    """

    def is_young(name: str) -> bool:
        digits = name.partition(".")[0]
        return not digits.isdigit() or len(digits) > 11 or int(digits) >= oldest_s

    before = read_imported(home)
    if came <= before and read_state(home) == state:
        return
    states = [f"{_STATE}{state}"] if state else []
    kept = [*states, *sorted(filter(is_young, before | came))]
    text = "".join(f"{name}\n" for name in kept)
    put(home / IMPORTED, text.encode("ascii", "replace"), durable=durable)


def _imported(home: Path) -> list[str]:
    return (content_of(home / IMPORTED) or b"").decode("ascii", "replace").split()


def write_tokens(home: Path, tokens: Mapping[str, int], *, durable: bool) -> None:
    """Add device tokens to those of a mailbox."""
    document = merged_document(content_of(home / METADATA) or b"", tokens)
    if document is not None:
        put(home / METADATA, document, durable=durable)


def write_marks(home: Path, old: OldMailbox, *, now_s: float) -> None:
    """Write the flags of a new account."""
    if old.enforces_encryption:
        flag = home / ENFORCE_ENCRYPTION
        flag.touch(mode=0o600)
        created_s = min(old.created_s, now_s)
        os.utime(flag, (created_s, created_s))
    if old.disabled:
        (home / DISABLED).touch(mode=0o600)


def write_subscriptions(home: Path, content: bytes | None, *, durable: bool) -> None:
    """Write the list of subscribed folders, unless there is one."""
    if content and not (home / SUBSCRIPTIONS).exists():
        put(home / SUBSCRIPTIONS, content, durable=durable)


def files_of(place: Path) -> dict[str, str]:
    """The message files of a folder, by their names without flags."""
    found = {}
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(place / part):  # noqa: PTH208 - only names are needed
                found[name.partition(":")[0]] = f"{part}/{name}"
    return found


def content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold Dovecot's lock of a folder; its content tells Dovecot if this process has died."""
    lock = place / uidlist.LOCK
    deadline_s = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            break
        except FileExistsError as error:
            _break_lock_of_dead(lock)
            if time.monotonic() > deadline_s:
                raise BusyError("Dovecot keeps a folder locked") from error
            time.sleep(_LOCK_POLL_S)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{os.getpid()}:{socket.gethostname()}")
        yield
    finally:
        lock.unlink(missing_ok=True)


def _break_lock_of_dead(lock: Path) -> None:
    """Remove the lock of a process on this machine that has died, as Dovecot does."""
    try:
        pid, _, host = lock.read_text().partition(":")
        if host != socket.gethostname() or not pid.isdigit() or Path(f"/proc/{pid}").exists():
            return
    except (OSError, UnicodeDecodeError):
        return
    lock.unlink(missing_ok=True)
