"""Give clients the newest client versions: of the operator's file, or those of this release.

Delta Chat tells people who installed an APK by hand that there is a newer one, and where. It asks
all relays of all its profiles, and the largest `versionInteger` counts; so old versions do no harm.
Clients drop the whole document when one member has a wrong type, so a wrong file is not sent.
"""

import json
import logging
from pathlib import Path
from typing import Any, Final

from chatmaild import logs

_log = logging.getLogger(__name__)

_MAX_VERSION: Final = (1 << 32) - 1
# what Delta Chat's developers published when this release was made
DEFAULT: Final = Path(__file__).with_name("appversions.json")


class AppVersions:
    """The file, read again when it changes."""

    def __init__(self, file: str | None) -> None:
        self._file = Path(file) if file else DEFAULT
        self._seen: tuple[int, int] | None = None
        self._line: str | None = None

    def current(self) -> str | None:
        """Return the document in one line; None if the file is missing or wrong."""
        try:
            status = self._file.stat()
            state = (status.st_mtime_ns, status.st_size)
            if state != self._seen:
                self._line = one_line(self._file.read_bytes())
                self._seen = state
        except (OSError, ValueError) as error:
            reason = logs.kind_of(error) if isinstance(error, OSError) else error
            _log.warning("appVersionsFile is not given to clients: %s", reason)
            return None
        return self._line


def one_line(content: bytes) -> str:
    """Check the document and return it in one line of JSON.

    Raises:
        ValueError: names what is wrong.
    """
    document = json.loads(content)
    _check(isinstance(document, dict), "must be an object")
    clients = document.get("clients")
    _check(isinstance(clients, list), "clients must be a list")
    for number, client in enumerate(clients):
        _check_client(client, f"clients[{number}]")
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _check_client(client: Any, path: str) -> None:
    _check(isinstance(client, dict), f"{path} must be an object")
    _check(isinstance(client.get("clientId"), str), f"{path}.clientId must be a text")
    sources = client.get("sources")
    _check(isinstance(sources, list), f"{path}.sources must be a list")
    for number, source in enumerate(sources):
        _check_source(source, f"{path}.sources[{number}]")


def _check_source(source: Any, path: str) -> None:
    _check(isinstance(source, dict), f"{path} must be an object")
    for name in ("sourceId", "versionString", "downloadUrl"):
        _check(isinstance(source.get(name), str), f"{path}.{name} must be a text")
    number = source.get("versionInteger")
    in_range = type(number) is int and 0 <= number <= _MAX_VERSION
    _check(in_range, f"{path}.versionInteger must be from 0 to {_MAX_VERSION}")


def _check(condition: bool, problem: str) -> None:
    if not condition:
        raise ValueError(problem)
