"""What a lab remembers between two commands: one JSON file per lab."""

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

from chatmail_lab import limits
from chatmail_lab.errors import LabError
from chatmail_lab.holder import Holder
from chatmail_lab.plan import Host

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def state_directory() -> Path:
    """Where labs keep the file systems of their hosts."""
    return Path(os.environ.get("CHATMAIL_LAB_STATE", "/var/lib/chatmail-lab"))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A lab that was started (and may have died since).

    Attributes:
        config: the operator's configuration that its relays have; None: none.
    """

    holder: Holder
    hosts: tuple[Host, ...]
    root: str
    started_s: float
    config: str | None = None

    def to_json(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "State":
        """The reverse of `to_json`."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            holder=Holder(**raw["holder"]),
            hosts=tuple(Host(**host) for host in raw["hosts"]),
            root=raw["root"],
            started_s=raw["started_s"],
            config=raw.get("config"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The directory of a lab."""

    name: str

    @classmethod
    def of(cls, name: str) -> "Home":
        """Directory of the lab called `name`.

        Raises:
            LabError: the name cannot be a file name.
        """
        if not _NAME.fullmatch(name):
            raise LabError(f"'{name}' cannot name a lab: use lower-case letters, digits and '-'")
        return cls(name=name)

    @property
    def directory(self) -> Path:
        """Everything that the lab keeps on disk."""
        return state_directory() / self.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing this lab at the same time."""
        path = self.directory.parent / f"{self.name}.lock"
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # whoever held the lock before may have deleted it
                if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    continue
                try:
                    yield
                finally:
                    self._tidy(path)
                return

    def _tidy(self, lock: Path) -> None:
        """Delete the lock of a lab that is gone, and what all labs share if it was the last."""
        if not self.directory.exists():
            lock.unlink(missing_ok=True)
            with suppress(OSError):
                limits.restore(lock.parent)
                lock.parent.rmdir()

    def load(self) -> State | None:
        """What is known of the lab; None if there is none."""
        try:
            return State.from_json((self.directory / "lab.json").read_text())
        except FileNotFoundError:
            return None

    def holder(self) -> Holder | None:
        """What holds the lab, whatever version of this program started it."""
        try:
            raw = json.loads((self.directory / "lab.json").read_text())
            return Holder(pid=int(raw["holder"]["pid"]), started=str(raw["holder"]["started"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def save(self, state: State) -> None:
        """Remember the lab."""
        new = self.directory / "lab.json.new"
        new.write_text(state.to_json())
        new.rename(self.directory / "lab.json")

    def host_directory(self, host: Host) -> Path:
        """Where the layer of a host is."""
        return self.directory / "hosts" / host.name

    def remove(self) -> None:
        """Delete all that the lab kept."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for group in _groups(self.name):
            with suppress(OSError):
                group.rmdir()


def _groups(name: str) -> Sequence[Path]:
    """Empty control groups that a lab leaves, deepest first."""
    found: list[Path] = []
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        group = Path(top) / f"chatmail-lab-{name}"
        if group.is_dir():
            found += [Path(path) for path, _, _ in os.walk(group, topdown=False)]
    return found
