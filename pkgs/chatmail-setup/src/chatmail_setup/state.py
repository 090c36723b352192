"""The progress of the setup, from `apply` to the screen."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from chatmail_upgrade.files import write_atomically


class Phase(StrEnum):
    """The steps of the setup."""

    STARTING = "starting"
    MISTAKES = "mistakes"
    PREPARING = "preparing"
    FAILED = "failed"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The result of `apply`; `sentences` are for the person who wrote the file."""

    phase: Phase = Phase.STARTING
    domain: str | None = None
    sentences: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the state; before the first run there is none."""
        try:
            table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return cls()
        return cls(
            phase=Phase(table["phase"]), domain=table["domain"], sentences=tuple(table["sentences"])
        )

    def save(self, path: Path) -> None:
        """Write the state for the screen."""
        write_atomically(path, json.dumps(asdict(self)))
