"""Restore a backup: everything is written beside its place and checked, then put in place."""

import contextlib
import grp
import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup import addresses, plan, staging
from chatmaild.operator.backup.addresses import NAME as ADDRESSES
from chatmaild.operator.backup.manifest import PATH, Manifest, owners
from chatmaild.operator.backup.restic import Restic, Snapshot
from chatmaild.operator.backup.summary import machine_of, summary
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones

# restic reads the repository by name; the firewall stays; nginx and coturn read their files again
_STAY: Final = ("unbound", "chatmail-connections", "nginx", "coturn")
_RESTARTED: Final = ("nginx", "coturn")
_EXPIRE: Final = "chatmail-expire"
_JOBS: Final = (f"{_EXPIRE}.service", "chatmail-storage.service")
_OLD_PREFIX: Final = f"{plan.STAGE_PREFIX}old-"
# a file takes an inode and at least a block
_BLOCK_BYTES: Final = 4096

Run = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A place whose files are complete, in `directory` below its root."""

    place: plan.Place
    directory: Path


def run_program(command: Sequence[str]) -> None:
    """Run a program.

    Raises:
        ChatmaildError: it failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ChatmaildError(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise ChatmaildError(f"{' '.join(command[:2])} failed: {said}")


def run(
    settings: Settings,
    restic: Restic,
    wanted: str,
    *,
    force: bool,
    note: Path = PATH,
    run: Run = run_program,
) -> list[str]:
    """Restore a backup, and return lines for the operator.

    Args:
        wanted: the ID of a backup, or `latest`.
        force: replace the addresses of this machine.

    Raises:
        ChatmaildError: it cannot be restored; unless the text says otherwise, nothing changed.
    """
    snapshot = choose(restic.snapshots(), wanted)
    manifest = Manifest.from_json(restic.read(snapshot.id, str(note)))
    _check(settings, manifest, snapshot, force=force)
    places = _places_here(settings, manifest)
    has_mailboxes = settings.cluster.role != "front"
    with _stopped(settings, run):
        staged = _stage(restic, snapshot, places, manifest)
        try:
            if not manifest.with_mail:
                _make_addresses(
                    settings, restic.read(snapshot.id, str(note.with_name(ADDRESSES))), staged
                )
            notes = _prepare(settings, staged, manifest)
            count = sum(staging.accounts(s.directory) for s in staged if s.place.kind == plan.MAIL)
            replaced = [_put_in_place(one) for one in staged]
        finally:
            for one in staged:
                shutil.rmtree(one.directory, ignore_errors=True)
        if any(one.place.kind == plan.QUEUE for one in staged):
            # names of queue files contain inode numbers
            run(["postsuper", "-s"])
        if has_mailboxes:
            # before logins, which would renew addresses that nobody uses any more
            run(["systemctl", "start", f"{_EXPIRE}.service"])
    if has_mailboxes:
        # with Dovecot: old messages, and messages that arrived while they were backed up
        run(["systemctl", "start", "--no-block", f"{_EXPIRE}.service"])
    # the relay runs again: this takes minutes for many mailboxes
    for directory in replaced:
        shutil.rmtree(directory, ignore_errors=True)
    audit("backup restored")
    return [*notes, *summary(settings, manifest, snapshot, count)]


def choose(snapshots: Sequence[Snapshot], wanted: str) -> Snapshot:
    """The backup with that ID, or the newest one.

    Raises:
        ChatmaildError: there is none.
    """
    if not snapshots:
        raise ChatmaildError("the repository has no backup of this relay's domain")
    if wanted == "latest":
        return snapshots[-1]
    found = [s for s in snapshots if len(wanted) >= 4 and s.id.startswith(wanted[:8])]
    if len(found) != 1:
        raise ChatmaildError("there is no such backup; `chatmail backup list` shows all")
    return found[0]


def _check(settings: Settings, manifest: Manifest, snapshot: Snapshot, *, force: bool) -> None:
    if manifest.domain != settings.domain:
        raise ChatmaildError(
            f"the backup is of {manifest.domain}, and this machine is {settings.domain}:"
            f" set services.chatmail.domain to {manifest.domain}"
        )
    here, there = machine_of(settings.cluster), machine_of(manifest)
    if here != there:
        raise ChatmaildError(
            f"the backup is of {there}, and this machine is {here}: restore it on such a machine"
            " (services.chatmail.cluster.machine)"
        )
    with contextlib.suppress(FileNotFoundError):
        if not force and next(Mailboxes.of(settings).addresses(), None):
            raise ChatmaildError(
                "this machine has addresses: --force replaces them and their mail by the backup"
            )
    if snapshot.size_bytes is None or snapshot.files is None:
        return
    status = os.statvfs(settings.directories.state)
    needed = snapshot.size_bytes + snapshot.files * _BLOCK_BYTES
    free = status.f_bavail * status.f_frsize
    if free < needed:
        raise ChatmaildError(
            f"no space: the backup needs {needed >> 20} MiB in {settings.directories.state},"
            f" {free >> 20} MiB are free"
        )


def _places_here(settings: Settings, manifest: Manifest) -> list[plan.Place]:
    return [
        place
        for place in plan.places(settings, with_mail=manifest.with_mail)
        if place.kind in manifest.roots
    ]


@contextlib.contextmanager
def _stopped(settings: Settings, run: Run) -> Iterator[None]:
    """Stop the units that use the state, and start all units at the end."""
    stay = (*_STAY, f"wg-quick-{settings.cluster.interface}")
    units = [unit for unit in settings.units if unit not in stay]
    jobs = () if settings.cluster.role == "front" else _JOBS
    run(["systemctl", "stop", *units, *jobs])
    try:
        yield
    finally:
        if restarted := [unit for unit in _RESTARTED if unit in settings.units]:
            run(["systemctl", "restart", *restarted])
        run(["systemctl", "start", *settings.units])


def _stage(
    restic: Restic,
    snapshot: Snapshot,
    places: Sequence[plan.Place],
    manifest: Manifest,
) -> list[Staged]:
    """Write all places beside their roots; on an error remove what was written."""
    staged: list[Staged] = []
    wanted = {
        place.kind: [f"{manifest.roots[place.kind]}/{part}" for part in place.parts]
        or [manifest.roots[place.kind]]
        for place in places
    }
    present = restic.present(snapshot.id, [path for paths in wanted.values() for path in paths])
    try:
        for place in places:
            root = manifest.roots[place.kind]
            if present.isdisjoint(wanted[place.kind]):
                continue
            directory = Path(place.root) / f"{plan.STAGE_PREFIX}{secrets.token_hex(8)}"
            directory.mkdir(mode=0o700, parents=True)
            staged.append(Staged(place=place, directory=directory))
            below = [
                other.removeprefix(root)
                for kind, other in manifest.roots.items()
                if kind != place.kind and other.startswith(f"{root}/")
            ]
            if place.kind == plan.MAIL and not manifest.with_mail:
                continue
            restic.restore(snapshot.id, root, directory, without=below)
    except BaseException:
        for one in staged:
            shutil.rmtree(one.directory, ignore_errors=True)
        raise
    return staged


def _make_addresses(settings: Settings, text: str, staged: Sequence[Staged]) -> None:
    """Make the mailboxes of a backup without mail, of the mail user."""
    owner = None
    if os.geteuid() == 0:
        status = Path(settings.directories.mail).stat()
        owner = status.st_uid, status.st_gid
    for one in staged:
        if one.place.kind == plan.MAIL:
            addresses.restore(text.splitlines(), one.directory, owner)


def _prepare(settings: Settings, staged: Sequence[Staged], manifest: Manifest) -> list[str]:
    """Correct owners and second names; leave out what was deleted here since the backup."""
    users = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    groups = {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}
    here = owners(manifest, users, groups)
    notes = []
    accounts = Path(settings.directories.accounts)
    for one in staged:
        if os.geteuid() == 0 and (manifest.with_mail or one.place.kind != plan.MAIL):
            staging.change_owners(one.directory, here)
        if one.place.kind == plan.STATE:
            staging.keep_tombstones(accounts, one.directory / accounts.name)
        if one.place.kind == plan.QUEUE:
            staging.remove_second_queue_files(one.directory)
        if one.place.kind == plan.MAIL:
            deleted = staging.remove_deleted(
                one.directory,
                Mailboxes.of(settings),
                Tombstones.of(settings),
                now_s=time.time(),
                since_s=manifest.created_s,
            )
            if deleted:
                notes.append(f"left out {deleted} addresses that were deleted since the backup")
            if manifest.with_mail:
                staging.remove_second_names(one.directory)
    return notes


def _put_in_place(staged: Staged) -> Path:
    """Rename each entry to its place; return the directory of what it replaced."""
    root = Path(staged.place.root)
    replaced = root / f"{_OLD_PREFIX}{secrets.token_hex(8)}"
    replaced.mkdir(mode=0o700)
    names = {path.name for path in staged.directory.iterdir()}
    if staged.place.parts:
        names &= set(staged.place.parts)
    leaving = names
    if staged.place.is_whole:
        leaving = {p.name for p in root.iterdir() if p not in (staged.directory, replaced)}
    for name in leaving:
        with contextlib.suppress(FileNotFoundError):
            (root / name).rename(replaced / name)
    for name in names:
        (staged.directory / name).rename(root / name)
    return replaced
