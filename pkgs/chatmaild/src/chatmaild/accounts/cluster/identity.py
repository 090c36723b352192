"""The identity of a store: a random text beside its accounts, and in their backup.

A machine that lost its disk and was installed anew has the same name and key, and another identity.
Fronts do not use it then: it would deny all accounts that the store had, so their mail would be
returned, and clients would make empty accounts of the same names. The restored backup brings the
identity back.
"""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from chatmaild.logs import log_error
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

# on a store, and on a front
_OWN: Final = "identity"
_KNOWN: Final = "stores.json"
_BYTES: Final = 16


def of_store(settings: Settings) -> str:
    """Return the identity of this store, made at its first start.

    Raises:
        OSError: the file cannot be read or written.
    """
    if (found := known_of_store(settings)) is not None:
        return found
    made = secrets.token_hex(_BYTES)
    write_atomically(_own(settings), made.encode())
    return made


def known_of_store(settings: Settings) -> str | None:
    """Return the identity of this store; None before its first start.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        return _own(settings).read_text().strip()
    except FileNotFoundError:
        return None


def _own(settings: Settings) -> Path:
    return Path(settings.directories.accounts) / _OWN


class Identities:
    """Identities by the names of the stores, in a file.

    Args:
        path: the file; it is made when the first store has answered.
        stores: the names in the settings; any other name is free again.
    """

    def __init__(self, path: Path, stores: Iterable[str]) -> None:
        self._path = path
        read = _read(path)
        self._known = {name: read[name] for name in stores if name in read}
        if self._known != read:
            self._write()

    @classmethod
    def of(cls, settings: Settings) -> "Identities":
        """Return those of this front."""
        path = Path(settings.directories.accounts) / _KNOWN
        return cls(path, settings.cluster.stores)

    def is_other(self, store: str, identity: str | None) -> bool:
        """Whether another machine answers by this name; a store of an earlier version has none."""
        return identity is not None and self._known.get(store, identity) != identity

    def learn(self, store: str, identity: str | None) -> None:
        """Remember the first one of a store."""
        if identity is None or store in self._known:
            return
        self._known[store] = identity
        self._write()

    def _write(self) -> None:
        try:
            write_atomically(self._path, json.dumps(self._known).encode())
        except OSError as error:  # it is known until this process ends
            log_error("keeping the identities of the stores", error)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
        return {str(name): str(identity) for name, identity in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        log_error("reading the identities of the stores", error)
        return {}
