"""The result of the last backup, for `chatmail status` and the metrics: no personal data."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

FILE: Final = "last.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The last backup.

    Attributes:
        succeeded_s: when the last good one ended, in Unix seconds; None for none yet.
        failures: number of failed ones since the directory was made.
        problem: why the last one failed; None if it did not.
        duration_s: of the last good one, with the deletion of old ones.
    """

    succeeded_s: int | None = None
    failures: int = 0
    problem: str | None = None
    with_mail: bool = False
    duration_s: float = 0.0
    size_bytes: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The stored result; of no backup if there is none that can be read."""
        try:
            table = json.loads(path(settings).read_text())
            return cls(**{field.name: table[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def store(self, settings: Settings) -> None:
        """Write it, readable by every user.

        Raises:
            OSError: it cannot be written.
        """
        write_atomically(path(settings), json.dumps(asdict(self)).encode(), mode=0o644)

    def failed(self, problem: str) -> Self:
        """The result after a failure."""
        return replace(self, failures=self.failures + 1, problem=problem)


def path(settings: Settings) -> Path:
    """The file; its directory belongs to root."""
    return Path(settings.directories.backup) / FILE
