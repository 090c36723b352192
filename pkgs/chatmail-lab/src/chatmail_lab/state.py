"""The directory of a lab, and its state between two commands: one JSON file."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatmail_lab.errors import LabError
from chatmail_lab.machine import inotify_limit
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.plan import Host

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def state_directory() -> Path:
    """Return the directory of all labs."""
    return Path(os.environ.get("CHATMAIL_LAB_STATE", "/var/lib/chatmail-lab"))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A lab that was started, and may have died since.

    Attributes:
        config: Path of the operator's NixOS configuration; None if the relays have none.
    """

    keeper: NamespaceKeeper
    hosts: tuple[Host, ...]
    image: str
    started_s: float
    config: str | None = None

    def to_json(self) -> str:
        """Return the content of the file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "State":
        """Return the state that `to_json` wrote."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            keeper=NamespaceKeeper(**raw["keeper"]),
            hosts=tuple(Host(**host) for host in raw["hosts"]),
            image=raw["image"],
            started_s=raw["started_s"],
            config=raw.get("config"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDirectory:
    """The directory of a lab."""

    name: str

    @classmethod
    def of(cls, name: str) -> "LabDirectory":
        """Return the directory of the lab `name`.

        Raises:
            LabError: The name is not a plain file name.
        """
        if not _NAME.fullmatch(name):
            raise LabError(f"'{name}' cannot name a lab: use lower-case letters, digits and '-'")
        return cls(name=name)

    @property
    def path(self) -> Path:
        """Everything that the lab keeps on disk."""
        return state_directory() / self.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing this lab at the same time."""
        lock = self.path.parent / f"{self.name}.lock"
        while True:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # the command that held the lock before may have deleted the file
                if not lock.exists() or lock.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    continue
                try:
                    yield
                finally:
                    self._clean_up(lock)
                return

    def _clean_up(self, lock: Path) -> None:
        """Delete the lock of a deleted lab; after the last lab restore the kernel's limit."""
        if not self.path.exists():
            lock.unlink(missing_ok=True)
            with suppress(OSError):
                inotify_limit.restore_limit(lock.parent)
                lock.parent.rmdir()

    def load(self) -> State | None:
        """Return the saved state; None if there is none.

        Raises:
            LabError: Another version of this program saved it.
        """
        try:
            return State.from_json((self.path / "lab.json").read_text())
        except FileNotFoundError:
            return None
        except (KeyError, TypeError) as error:
            raise LabError(
                f"another version started lab '{self.name}': take it down and start it again"
            ) from error

    def keeper(self) -> NamespaceKeeper | None:
        """Return the keeper of the lab's namespaces, even if another version saved the state."""
        try:
            raw = json.loads((self.path / "lab.json").read_text())
            keeper = raw.get("keeper") or raw["holder"]  # the name in version 0.1
            return NamespaceKeeper(pid=int(keeper["pid"]), started=str(keeper["started"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, state: State) -> None:
        """Save the state."""
        new = self.path / "lab.json.new"
        new.write_text(state.to_json())
        new.rename(self.path / "lab.json")

    def of_host(self, host: Host) -> Path:
        """Return the directory of a host: the layers of its overlay, its console."""
        return self.path / "hosts" / host.name

    def remove(self) -> None:
        """Delete everything that the lab keeps."""
        shutil.rmtree(self.path, ignore_errors=True)
        for group in _control_groups(self.name):
            with suppress(OSError):
                group.rmdir()


def _control_groups(name: str) -> Sequence[Path]:
    """Return the control groups that a lab leaves, children first."""
    found: list[Path] = []
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        group = Path(top) / f"chatmail-lab-{name}"
        if group.is_dir():
            found += [Path(path) for path, _, _ in os.walk(group, topdown=False)]
    return found
