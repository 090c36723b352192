"""Log lines for journald, and a name for a person in them that only this process can resolve."""

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

# new at every start, never written anywhere: a pseudonym says nothing after that
_KEY = secrets.token_bytes(32)


class _JournalFormatter(logging.Formatter):
    """One line a record: no time (journald has it), no stack of an error's arguments."""

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
    """Send the log to stderr, with priorities when that is the journal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter(to_journal="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def pseudonym(address: Address) -> str:
    """Eight hexadecimal digits for an account, the same ones until the process ends."""
    return hashlib.blake2b(str(address.account).encode(), key=_KEY, digest_size=4).hexdigest()


def kind_of(error: BaseException) -> str:
    """What may be logged of an error: its class and errno, never its text (it can name a file)."""
    number = getattr(error, "errno", None)
    name = type(error).__name__
    return f"{name} ({os.strerror(number)})" if isinstance(number, int) else name


def log_error(what: str, error: BaseException) -> None:
    """Log an error by class and place; its text may hold an address, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    _log.error("%s failed: %s%s", what, kind_of(error), place)
