"""The unit chatmail-storage: converts all accounts to the format that was chosen, then ends."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.conversion import places, room
from chatmaild.conversion.accounts import FAILED, Converter
from chatmaild.conversion.dovecot import Doveadm
from chatmaild.conversion.sessions import DovecotSessions
from chatmaild.errors import ConversionError
from chatmaild.metrics import numbers
from chatmaild.settings import Settings
from chatmaild.store.mail.formats import Choice, Format
from chatmaild.store.mailboxes import Mailboxes

_log = logging.getLogger(__name__)

# of chatmail-upgrade; there while a new system is on trial
TRIAL: Final = Path("/var/lib/chatmail-upgrade/previous")
_LOCK: Final = "storage-lock"
# one process of doveadm for so many: its start takes 50 ms, a small account 10 ms
_MOST_ACCOUNTS: Final = 100
_MOST_MESSAGES: Final = 2000
# chatmail-upgrade decides within minutes whether a new system stays
_TRIAL_POLL_S: Final = 5.0


def run(settings: Settings, doveadm: str, configuration: str) -> None:
    """Wait until the running system is here to stay, and convert all accounts.

    Raises:
        ConversionError: Dovecot's tool does not work, or another process converts.
        OSError: the disk is full or fails.
    """
    with alone(settings):
        choice = Choice.of(settings)
        while is_on_trial() and choice.stored() is not Format.MAILDIR:
            time.sleep(_TRIAL_POLL_S)
        while not _convert_all(settings, choice, Doveadm(doveadm, configuration)):
            _log.info("another format was chosen")


def is_on_trial() -> bool:
    """Whether `chatmail-upgrade` may return to the previous system, which may read maildir only."""
    return TRIAL.exists()


def _convert_all(settings: Settings, choice: Choice, doveadm: Doveadm) -> bool:
    """Convert; False if the choice has changed meanwhile."""
    wanted = choice.stored()
    if wanted is None:
        wanted = Format.SDBOX
        choice.store(wanted)
    mailboxes = Mailboxes.of(settings)
    sessions = DovecotSessions(settings)
    converter = Converter(mailboxes, wanted, doveadm, sessions)
    found = waiting(mailboxes, wanted)
    started_s, left = time.monotonic(), len(found)
    _report(settings, converter, left)
    for batch in _batches(mailboxes, found):
        if choice.stored() is not wanted:
            return False
        converter.convert(batch)
        left -= len(batch)
        _report(settings, converter, left)
    if found:
        done, took_s = converter.result, time.monotonic() - started_s
        _log.info(
            "storage: %d accounts are %s now, none was out of use for more than %.2f s;"
            " %d failed; %.1f s",
            *(done.converted, wanted, done.longest_s, done.failed, took_s),
        )
    return True


def waiting(mailboxes: Mailboxes, wanted: Format) -> list[Address]:
    """The accounts that were interrupted, and then those that do not have the format yet.

    Raises:
        OSError: the mail directory cannot be read.
    """
    interrupted, others = [], []
    for address in mailboxes.addresses():
        home = mailboxes.path(address)
        with contextlib.suppress(OSError):
            if any(os.path.lexists(home / name) for name in (places.CONVERTED, places.CONVERTING)):
                interrupted.append(address)
            elif places.found(home) != [wanted] or (home / FAILED).exists():
                others.append(address)
    return interrupted + others


def _batches(mailboxes: Mailboxes, found: Sequence[Address]) -> Iterator[list[Address]]:
    """Some accounts at a time; a large one alone."""
    batch: list[Address] = []
    messages = 0
    for address in found:
        number = _number(mailboxes.path(address))
        if batch and (len(batch) >= _MOST_ACCOUNTS or messages + number > _MOST_MESSAGES):
            yield batch
            batch, messages = [], 0
        batch.append(address)
        messages += number
    if batch:
        yield batch


def _number(home: Path) -> int:
    """About how many messages the account has; one that cannot be read fails at its turn."""
    try:
        return room.size_of(home).messages
    except OSError:
        return 0


def _report(settings: Settings, converter: Converter, left: int) -> None:
    found = {
        "format": str(converter.wanted),
        "left": left,
        "converted": converter.result.converted,
        "failed": converter.result.failed,
    }
    # with a full disk the old numbers stay, and the next accounts are tried
    with contextlib.suppress(OSError):
        numbers.write(settings, numbers.STORAGE, found)


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other processes from converting mailboxes.

    Raises:
        ConversionError: another process converts.
    """
    path = Path(settings.directories.accounts) / _LOCK
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConversionError("another process converts mailboxes") from error
        yield
