"""Restored files before they are in place."""

import os
import pathlib
import stat

import pytest

from chatmaild.operator.backup import staging
from chatmaild.operator.backup.manifest import Owners
from chatmaild.settings import Settings
from chatmaild.store.tombstones import Tombstones

from .conftest import ALICE, BOB

NOW_S = 1_800_000_000.0


def test_owners_are_those_of_this_machine(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name; set-gid bits stay, which chown clears."""
    shared = tmp_path / "turn"
    shared.mkdir()
    shared.chmod(0o2750)
    (shared / "secret").touch()
    changed: list[tuple[str, int, int]] = []

    def chown(path: str, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        changed.append((path, uid, gid))

    monkeypatch.setattr("os.chown", chown)
    owners = Owners(users={os.getuid(): 901}, groups={os.getgid(): 902})

    staging.change_owners(tmp_path, owners)

    assert sorted(changed) == [(str(shared), 901, 902), (str(shared / "secret"), 901, 902)]
    assert stat.S_IMODE(shared.stat().st_mode) == 0o2750


def test_an_unknown_owner_is_root() -> None:
    """Its number may belong to another user here."""
    assert Owners(users={12345: 1}, groups={}).here(999, 12345) == (0, 0)


def test_tombstones_of_the_same_relay_are_kept(relay: Settings, new_machine: Settings) -> None:
    """Those of another one have another key."""
    here, backup = Tombstones.of(relay), Tombstones.of(new_machine)
    here.add(ALICE, now_s=NOW_S)
    there = pathlib.Path(new_machine.directories.accounts)
    (there / "deleted").mkdir()
    key = pathlib.Path(relay.directories.accounts) / "deleted/key"
    (there / "deleted/key").write_bytes(key.read_bytes())

    staging.keep_tombstones(pathlib.Path(relay.directories.accounts), there)

    assert backup.has(ALICE, now_s=NOW_S)
    assert not backup.has(BOB, now_s=NOW_S)


def test_tombstones_of_another_relay_are_not(relay: Settings, new_machine: Settings) -> None:
    """Its hashes mean nothing here."""
    Tombstones.of(relay).add(ALICE, now_s=NOW_S)
    Tombstones.of(new_machine).add(BOB, now_s=NOW_S - 86400)

    staging.keep_tombstones(
        pathlib.Path(relay.directories.accounts), pathlib.Path(new_machine.directories.accounts)
    )

    assert len(list(pathlib.Path(new_machine.directories.accounts, "deleted").iterdir())) == 2
