"""How far the moves of this store are, and whether the operator wants any."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from chatmaild.metrics import numbers
from chatmaild.settings import Settings

# a file: the moves go on after a restart
_WANTED: Final = "rebalance-wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state of the moves.

    Attributes:
        left: addresses that belong to other stores; None if nobody counted.
        moved: addresses that have left since the operator asked.
        running: whether the operator wants moves that are not over.
        problem: why some have not moved; empty if there is none.
        longest_s: how long an account was out of use at most.
    """

    left: int | None = None
    moved: int = 0
    running: bool = False
    problem: str = ""
    longest_s: float = 0.0

    def __str__(self) -> str:
        if self.left is None:
            counts = "counting addresses that belong to other stores"
            return self.problem or (counts if self.running else "not started")
        is_over = not self.running and not self.left
        left = "1 address left" if self.left == 1 else f"{self.left} addresses left"
        parts = ["done" if is_over else left, f"{self.moved} moved"]
        if self.longest_s:
            parts.append(f"longest time out of use: {self.longest_s:.2f} s")
        return ", ".join(parts) + (f"; {self.problem}" if self.problem else "")

    def write(self, settings: Settings) -> None:
        """Store it.

        Raises:
            OSError: the file cannot be written.
        """
        numbers.write(settings, numbers.REBALANCE, asdict(self))


def read(settings: Settings) -> Progress:
    """Return what was stored last."""
    try:
        return Progress(**numbers.read(settings, numbers.REBALANCE))
    except TypeError:
        return Progress()


def want(settings: Settings) -> None:
    """Have all addresses moved that belong to other stores.

    Raises:
        OSError: the file cannot be written.
    """
    _path(settings).touch(mode=0o600)


def is_wanted(settings: Settings) -> bool:
    """Whether addresses are to be moved."""
    return _path(settings).exists()


def finish(settings: Settings) -> None:
    """All have moved."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return Path(settings.directories.accounts) / _WANTED
