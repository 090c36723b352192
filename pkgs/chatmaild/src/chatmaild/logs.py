"""Log lines for journald, and pseudonyms for accounts that end with the process."""

import hashlib
import logging
import os
import secrets
import sys
import traceback
from pathlib import Path

from chatmaild.address import Address

_log = logging.getLogger(__name__)

# sd-daemon(3): journald takes the priority of a line from this prefix
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))

# new at each start, never stored: pseudonyms of two processes cannot be linked
_KEY = secrets.token_bytes(32)


class _JournalFormatter(logging.Formatter):
    """One line per record, without time (journald adds it) and without traceback."""

    def __init__(self, *, to_journal: bool) -> None:
        super().__init__("%(name)s: %(message)s")
        self._to_journal = to_journal

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", " | ")
        if not self._to_journal:
            return line
        level = next((number for floor, number in _PRIORITIES if record.levelno >= floor), 7)
        return f"<{level}>{line}"


def set_up(level: int = logging.INFO) -> None:
    """Log to stderr, with priorities if stderr is the journal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter(to_journal="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def pseudonym(address: Address) -> str:
    """Return eight hexadecimal digits for an account, stable until the process ends."""
    return hashlib.blake2b(str(address.account).encode(), key=_KEY, digest_size=4).hexdigest()


def kind_of(error: BaseException) -> str:
    """Return class and errno of an error, never its text: it may hold an address."""
    number = getattr(error, "errno", None)
    name = type(error).__name__
    return f"{name} ({os.strerror(number)})" if isinstance(number, int) else name


def log_error(what: str, error: BaseException) -> None:
    """Log class and place of an error, never its text: it may hold an address."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    _log.error("%s failed: %s%s", what, kind_of(error), place)
