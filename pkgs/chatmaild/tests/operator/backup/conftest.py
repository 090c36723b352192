"""A relay whose directories are as on a machine, and a repository without restic."""

import dataclasses
import pathlib
import shutil
import time
from collections.abc import Sequence
from typing import Literal

import pytest

from chatmaild.address import Address
from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup import create, restore
from chatmaild.operator.backup.restic import Copied, Restic, Snapshot
from chatmaild.settings import Settings

ALICE = Address(local="alice1234", domain="chat.example.org")
BOB = Address(local="bob123456", domain="chat.example.org")
NOW_S = time.time()


class Repository(Restic):
    """Copies of directories, instead of restic."""

    def __init__(self, top: pathlib.Path) -> None:
        self.top = top
        self.made: list[Snapshot] = []
        self.forgotten: list[str] = []
        self.problems: tuple[tuple[str, str], ...] = ()
        self.broken = ""

    def init(self) -> bool:
        return True

    def backup(self, paths: Sequence[str], excludes: Sequence[str], *, with_mail: bool) -> Copied:
        """Copy everything; `excludes` are restic's business."""
        name = f"{len(self.made):08x}"
        for path in paths:
            target = self._inside(name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if pathlib.Path(path).is_dir():
                shutil.copytree(path, target, symlinks=True)
            else:
                shutil.copy2(path, target)
        self.add(name, time.time(), with_mail=with_mail)
        return Copied(
            snapshot=name * 8, files=7, size_bytes=10, added_bytes=5, problems=self.problems
        )

    def add(self, name: str, time_s: float, *, with_mail: bool = False) -> None:
        self.made.append(
            Snapshot(id=name, time_s=time_s, with_mail=with_mail, files=7, size_bytes=10)
        )

    def snapshots(self) -> list[Snapshot]:
        return sorted(self.made, key=lambda one: one.time_s)

    def forget(self, ids: Sequence[str]) -> None:
        self.forgotten += ids

    def read(self, snapshot: str, path: str) -> str:
        return self._inside(snapshot, path).read_text()

    def names(self, snapshot: str, path: str) -> set[str]:
        return {file.name for file in self._inside(snapshot, path).rglob("*") if file.is_file()}

    def present(self, snapshot: str, paths: Sequence[str]) -> set[str]:
        return {path for path in paths if self._inside(snapshot, path).exists()}

    def restore(
        self, snapshot: str, root: str, target: pathlib.Path, *, without: Sequence[str] = ()
    ) -> None:
        if self.broken and self.broken in root:
            raise ChatmaildError("restic: no space left on device")
        shutil.copytree(self._inside(snapshot, root), target, symlinks=True, dirs_exist_ok=True)
        for path in without:
            shutil.rmtree(target / path.lstrip("/"))

    def _inside(self, snapshot: str, path: str) -> pathlib.Path:
        return self.top / snapshot[:8] / path.lstrip("/")


class Units:
    """Programs that a restore runs."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> None:
        self.commands.append(list(command))

    @property
    def verbs(self) -> list[str]:
        """`stop`, `start`, … in order."""
        return [command[1] for command in self.commands]


def nested(settings: Settings, top: pathlib.Path) -> Settings:
    """The same settings, with the directories of a machine below `top`."""
    state = top / "var/lib/chatmail"
    names = (
        *("accounts", "backup", "dkim", "mail", "move"),
        *("numbers", "operator", "tls", "transport"),
    )
    directories = {name: state / name for name in names}
    directories |= {"state": state, "postfix_queue": top / "var/lib/postfix/queue"}
    for directory in directories.values():
        directory.mkdir(parents=True, exist_ok=True)
    return dataclasses.replace(
        settings,
        directories=dataclasses.replace(
            settings.directories, **{name: str(path) for name, path in directories.items()}
        ),
        registration=dataclasses.replace(
            settings.registration, stop_file=str(top / "etc/chatmail-nocreate")
        ),
        tls=dataclasses.replace(settings.tls, mode="files"),
    )


# some of each
_UNITS = {
    "front": ("nginx", "coturn", "postfix", "chatmail-filter"),
    "store": ("dovecot", "chatmail-accounts"),
}


def part(settings: Settings, role: Literal["front", "store"], name: str) -> Settings:
    """The settings of a machine of several."""
    cluster = dataclasses.replace(settings.cluster, role=role, machine=name)
    return dataclasses.replace(
        settings, cluster=cluster, units=(*_UNITS[role], f"wg-quick-{cluster.interface}")
    )


@pytest.fixture
def relay(settings: Settings, tmp_path: pathlib.Path) -> Settings:
    """The machine that is backed up."""
    return nested(settings, tmp_path / "old")


@pytest.fixture
def new_machine(settings: Settings, tmp_path: pathlib.Path) -> Settings:
    """An empty machine with the same configuration."""
    return nested(settings, tmp_path / "new")


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> Repository:
    """A repository without backups."""
    return Repository(tmp_path / "repository")


@pytest.fixture
def note(tmp_path: pathlib.Path) -> pathlib.Path:
    """The file of the manifest."""
    return tmp_path / "run/manifest.json"


@pytest.fixture
def units() -> Units:
    """No systemd."""
    return Units()


@pytest.fixture(autouse=True)
def _nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create, "audit", lambda *_: None)
    monkeypatch.setattr(restore, "audit", lambda *_: None)
