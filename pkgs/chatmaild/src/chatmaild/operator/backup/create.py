"""Make a backup of the running relay, and delete backups that are too old."""

import contextlib
import fcntl
import grp
import json
import os
import pwd
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from chatmaild.cli import VERSION
from chatmaild.errors import ChatmaildError
from chatmaild.metrics.backups import Last
from chatmaild.operator.backup import ages, plan
from chatmaild.operator.backup.addresses import NAME as ADDRESSES
from chatmaild.operator.backup.addresses import write as write_addresses
from chatmaild.operator.backup.manifest import PATH, Manifest
from chatmaild.operator.backup.restic import Copied, Restic, without_addresses
from chatmaild.operator.privileges import audit
from chatmaild.operator.selftest.machine import clock
from chatmaild.operator.selftest.report import Check, Verdict
from chatmaild.settings import DEFAULT_PATH, Settings
from chatmaild.store.mailboxes import Mailboxes

_VANISHED: Final = "no such file or directory"
# each reads all mailboxes; a queue that moves all the time is copied as it is
_TRIES: Final = 3


def run(
    settings: Settings,
    restic: Restic,
    *,
    with_mail: bool,
    init: bool,
    note: Path = PATH,
    look: Callable[[Settings], Check] = clock.check,
) -> list[str]:
    """Make a backup and store its result; return lines for the operator.

    Args:
        init: make the repository if there is none.
        note: the file of the manifest.
        look: compares the clock with other relays.

    Raises:
        ChatmaildError: no backup was made, or it is incomplete, or old ones stay.
    """
    start_s = time.monotonic()
    last = Last.of(settings)
    try:
        with _alone(note.parent):
            copied, lines = _make(settings, restic, with_mail=with_mail, init=init, note=note)
            lines += _delete_old(settings, restic, copied.snapshot, look)
    except (ChatmaildError, OSError) as error:
        with contextlib.suppress(OSError):
            last.failed(str(error)).store(settings)
        raise
    took_s = time.monotonic() - start_s
    Last(
        succeeded_s=int(time.time()),
        failures=last.failures,
        with_mail=with_mail,
        duration_s=round(took_s, 3),
        size_bytes=copied.size_bytes,
    ).store(settings)
    audit("backup made")
    return [*lines, f"done in {took_s:.0f} s"]


def _check_is_no_replacement(settings: Settings, restic: Restic) -> None:
    """Before the first backup of a machine.

    A machine that waits for its restore would make the newest backup, an empty one.

    Raises:
        ChatmaildError: this machine has no addresses, and another one has made backups.
    """
    with contextlib.suppress(FileNotFoundError):
        if next(Mailboxes.of(settings).addresses(), None):
            return
    if restic.snapshots():
        lack = "has made no backup" if settings.cluster.role == "front" else "has no addresses"
        raise ChatmaildError(
            f"this machine {lack}, and the repository has backups of another machine:"
            " restore one with `chatmail backup restore`, or choose another repository"
        )


def _make(
    settings: Settings, restic: Restic, *, with_mail: bool, init: bool, note: Path
) -> tuple[Copied, list[str]]:
    lines = ["made a new repository"] if init and restic.init() else []
    if Last.of(settings).succeeded_s is None:
        _check_is_no_replacement(settings, restic)
    places = plan.places(settings, with_mail=with_mail)
    _write_note(settings, places, note, with_mail=with_mail)
    addresses = note.with_name(ADDRESSES)
    if not with_mail:
        write_addresses(Path(settings.directories.mail), addresses)
    try:
        copied = _copy(settings, restic, places, note, with_mail=with_mail)
    finally:
        addresses.unlink(missing_ok=True)
    size, added = copied.size_bytes / 1e6, copied.added_bytes / 1e6
    what = "with mail" if with_mail else "without mail"
    lines.append(
        f"backup {copied.snapshot[:8]} {what}: {copied.files} files, {size:.1f} MB, {added:.1f} MB"
        " of them new"
    )
    return copied, lines


def _copy(
    settings: Settings,
    restic: Restic,
    places: list[plan.Place],
    note: Path,
    *,
    with_mail: bool,
) -> Copied:
    """Copy the places, and those of a queue that moves once more."""
    existing = [path for path in plan.paths(places) if os.path.lexists(path)]
    for tries_left in reversed(range(_TRIES)):
        before = queued(settings) if with_mail else set()
        copied = restic.backup(
            [*existing, str(note), *([] if with_mail else [str(note.with_name(ADDRESSES))])],
            plan.excludes(settings, with_mail=with_mail),
            with_mail=with_mail,
        )
        _check_problems(copied.problems, [place.root for place in places])
        stayed = before & queued(settings) if before and tries_left else set()
        if not stayed or stayed <= restic.names(
            copied.snapshot, settings.directories.postfix_queue
        ):
            break
    return copied


def _delete_old(
    settings: Settings, restic: Restic, newest: str, look: Callable[[Settings], Check]
) -> list[str]:
    """Delete what is older than mail may be.

    Raises:
        ChatmaildError: the clock is wrong, so nothing was deleted.
    """
    decision = ages.too_old(
        restic.snapshots(),
        newest=newest[:8],
        now_s=time.time(),
        days=settings.retention.delete_after_days,
    )
    if not decision.ids:
        return []
    if decision.doubt:
        found = look(settings)
        if found.verdict is Verdict.FAILED:
            raise ChatmaildError(
                f"the backup was made, but {decision.doubt}, and the clock is {found.sentence}:"
                f" no old backup was deleted. {found.repair}"
            )
        if found.verdict is not Verdict.OK:
            why = f"the clock could not be compared ({found.sentence})"
            return [f"no old backup was deleted: {decision.doubt}, and {why}"]
    restic.forget(decision.ids)
    return [f"deleted {len(decision.ids)} old backups"]


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Hold a lock while a backup is made.

    Raises:
        ChatmaildError: another process makes one.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChatmaildError("another backup is being made: try again later") from error
        yield


def _write_note(
    settings: Settings, places: list[plan.Place], note: Path, *, with_mail: bool
) -> None:
    manifest = Manifest(
        domain=settings.domain,
        version=VERSION,
        created_s=int(time.time()),
        with_mail=with_mail,
        roots=plan.roots(places),
        users={entry.pw_uid: entry.pw_name for entry in pwd.getpwall()},
        groups={entry.gr_gid: entry.gr_name for entry in grp.getgrall()},
        settings=_settings_document(),
        role=settings.cluster.role,
        machine=settings.cluster.machine,
    )
    note.write_text(manifest.to_json())


def _settings_document() -> dict[str, object]:
    """The settings as they are in /etc, where NixOS has a link only."""
    try:
        found = json.loads(DEFAULT_PATH.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_problems(problems: Sequence[tuple[str, str]], roots: Sequence[str]) -> None:
    """Accept files that vanished while they were read; name directories, not files.

    Raises:
        ChatmaildError: some could not be read.
    """
    wrong = [(text, path) for text, path in problems if _VANISHED not in text]
    if not wrong:
        return
    text, path = wrong[0]
    root = max((root for root in roots if path.startswith(root)), key=len, default="/")
    reason = without_addresses(text.rpartition(": ")[2])
    raise ChatmaildError(
        f"the backup is incomplete: {len(wrong)} files could not be read, the first below {root}"
        f" ({reason})"
    )


def queued(settings: Settings) -> set[str]:
    """The names of the messages in Postfix' queue."""
    top = Path(settings.directories.postfix_queue)
    return {
        name
        for queue in plan.MESSAGE_QUEUES
        for _, _, names in os.walk(top / queue)
        for name in names
    }
