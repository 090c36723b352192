"""The history of figures in one JSON file; a saved run appends machine, commit and figures."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from labs import CHECKOUT

FILE: Final = CHECKOUT / "docs" / "performance" / "history.json"
_PLACES: Final = 4  # significant digits of a figure
Kind = Literal["speed", "model"]
Entry = Mapping[str, Any]


def read(file: Path = FILE) -> list[Entry]:
    """Return all entries, the oldest first."""
    entries: list[Entry] = json.loads(file.read_text()) if file.exists() else []
    return entries


def append(kind: Kind, figures: Mapping[str, Mapping[str, float]], file: Path = FILE) -> None:
    """Add the figures of a run: {KEY: {"ours": …, "bare": …}}."""
    rounded = {
        key: {side: _rounded(value) for side, value in sorted(sides.items())}
        for key, sides in sorted(figures.items())
    }
    entry = {
        "kind": kind,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": _machine(),
        "figures": rounded,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written([*read(file), entry]))


def written(entries: list[Entry]) -> str:
    """Return the text of the file: a line for each figure, so that a diff shows them."""
    return json.dumps(entries, indent=1) + "\n"


def _rounded(value: float) -> float:
    return float(f"{value:.{_PLACES}g}")


def _commit() -> str:
    """Return the commit of the checkout; with a + if files differ from it."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(CHECKOUT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _machine() -> dict[str, str | int]:
    """Return what makes figures of two machines differ, and nothing that identifies one."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(pages / 2**30),
        "kernel": ".".join(platform.release().split(".")[:2]),
    }


def _processor() -> str:
    """Return the model's name; other architectures than x86 have none in this file."""
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            return text.partition(":")[2].strip()
    return platform.machine()
