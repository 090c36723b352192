"""Counts that jobs write for the collector: small JSON files without personal data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

ADDRESSES: Final = "addresses"
MAILBOXES: Final = "mailboxes"
CERTIFICATE: Final = "certificate"
QUEUE: Final = "queue"
STORAGE: Final = "storage"
REBALANCE: Final = "rebalance"


def write(settings: Settings, name: str, content: Mapping[str, Any]) -> None:
    """Replace the counts of that name.

    Raises:
        OSError: the file cannot be written.
    """
    path = _path(settings, name)
    write_atomically(path, json.dumps(content).encode())
    path.chmod(0o644)  # the collector must read it, whatever the umask of the unit


def read(settings: Settings, name: str) -> Mapping[str, Any]:
    """Return the counts of that name; empty if there are none yet."""
    try:
        found = json.loads(_path(settings, name).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(settings: Settings, name: str) -> Path:
    return Path(settings.directories.numbers) / f"{name}.json"
