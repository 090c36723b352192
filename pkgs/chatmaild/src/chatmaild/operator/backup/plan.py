"""What a backup contains, and where a restore puts it; decided from the settings alone.

The relay runs while it is copied. A copy is nevertheless usable, by kind of state:

    passwords, device tokens, invites   replaced by rename: the old file or the new one
    flags of addresses, registration    empty files: there or not there
    tombstones                          16 bytes are appended; readers ignore a part of a hash
    pending notifications               replaced by rename (with mail)
    silent domains, TURN secret         replaced by rename
    DKIM keys                           written once, by rename
    certificate, ACME account           a new pair replaces the old one. A copy of both halves of
                                        different pairs is repaired by the next order
    messages (with mail)                never changed, only moved and deleted; a maildir renames
                                        them, and restore removes a second name of a message
    indexes of messages (with mail)     the log grows, and messages may arrive after its copy:
                                        after a restore `expire` has Dovecot read such folders again
    Postfix' queue (with mail)          a message is complete when it gets its mode 0700; restore
                                        removes a second name. `create` reads a queue again whose
                                        messages moved meanwhile

Without mail, addresses are written into one file first (addresses.py).
An address is its directory with a `password`. A copy that misses the directory is a copy from
before the creation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings
from chatmaild.store.mail import sdbox
from chatmaild.store.mailboxes import (
    METADATA,
    PASSWORD,
    TRASH_PREFIX,
)
from chatmaild.store.notifications import DIRECTORY as PENDING

STATE: Final = "state"
MAIL: Final = "mail"
QUEUE: Final = "queue"
# of a maildir, made again by Dovecot; the cache holds headers of deleted messages
_INDEXES: Final = ("dovecot.index*", "dovecot.list.index*", "maildirsize")
# the same in an sdbox, and deliveries that have not ended; not the index, which has the flags
_NOT_OF_SDBOX: Final = (f"{sdbox.CACHE}*", "dovecot.index.backup", ".temp.*")
# `bounce`, `defer`, `trace`: the reports that belong to queued messages
_QUEUES: Final = ("active", "bounce", "defer", "deferred", "hold", "incoming", "trace")
MESSAGE_QUEUES: Final = ("active", "deferred", "hold", "incoming")
# unfinished names of restores; `expire` removes one that a crash leaves in the mail directory
STAGE_PREFIX: Final = f"{TRASH_PREFIX}restore-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory whose entries are in a backup.

    Attributes:
        kind: its name in the manifest, because another machine may have another path.
        parts: the entries; empty for all.
        is_whole: a restore removes entries that the backup does not have.
    """

    kind: str
    root: str
    parts: tuple[str, ...] = ()
    is_whole: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to copy."""
        return tuple(f"{self.root}/{part}" for part in self.parts) or (self.root,)


def places(settings: Settings, *, with_mail: bool) -> list[Place]:
    """All places of a machine, the ones below others last.

    Of several machines, a store has addresses and mail; a front has keys, certificate and queue.
    """
    directories, role = settings.directories, settings.cluster.role
    stop_file = Path(settings.registration.stop_file)
    found = [Place(kind=STATE, root=directories.state)]
    if role != "front":
        found.append(Place(kind="stop-file", root=str(stop_file.parent), parts=(stop_file.name,)))
    if role != "store" and settings.tls.mode == "acme":
        found += _acme(settings)
    if role != "front":
        found.append(Place(kind=MAIL, root=directories.mail, is_whole=True))
    if role != "store" and with_mail:
        found.append(Place(kind=QUEUE, root=directories.postfix_queue, parts=_QUEUES))
    return found


def _acme(settings: Settings) -> list[Place]:
    """Certificate, orders and accounts, as NixOS has them; not those of other sites."""
    top = str(Path(settings.directories.tls).parent)
    return [
        Place(kind="certificate", root=top, parts=(settings.domain,)),
        Place(kind="acme-orders", root=f"{top}/.lego", parts=(settings.domain,)),
        Place(kind="acme-accounts", root=f"{top}/.lego/accounts"),
    ]


def paths(found: list[Place]) -> list[str]:
    """The paths to copy, without those below another one."""
    named = sorted({path for place in found for path in place.paths})
    return [p for p in named if not any(p.startswith(f"{other}/") for other in named)]


def excludes(settings: Settings, *, with_mail: bool) -> list[str]:
    """Patterns of restic."""
    directories = settings.directories
    mail, state = _literal(directories.mail), _literal(directories.state)
    patterns = [
        f"{mail}/{TRASH_PREFIX}*",
        f"{state}/{STAGE_PREFIX}*",
        # counts and reports, which are made again
        _literal(directories.numbers),
        _literal(directories.backup),
        # a restored machine is not the one that moved away
        _literal(directories.move),
        f"{state}/selftest.json",
    ]
    if with_mail:
        drafts = [f"{mail}/*/.{name}.*.tmp" for name in (PASSWORD, METADATA)]
        unfinished = [f"{mail}/*/tmp/*", f"{mail}/*/.*/tmp/*"]
        indexes = [f"{mail}/*/{below}{name}" for name in _INDEXES for below in ("", ".*/")]
        boxes = [f"{mail}/*/{sdbox.ROOT}/**/{sdbox.MESSAGES}/{name}" for name in _NOT_OF_SDBOX]
        return [*patterns, *drafts, *unfinished, *indexes, *boxes]
    return [
        *patterns,
        # these are about messages that the backup does not have
        f"{_literal(directories.accounts)}/{PENDING}",
        # in a file of its own: addresses.py
        f"{mail}/*",
    ]


def roots(found: list[Place]) -> Mapping[str, str]:
    """Kind -> directory, for the manifest."""
    return {place.kind: place.root for place in found}


def _literal(path: str) -> str:
    """A pattern that only this path matches (Go's filepath.Match)."""
    return "".join(f"\\{c}" if c in "\\*?[" else c for c in path)
