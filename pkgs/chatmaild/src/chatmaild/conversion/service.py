"""The unit chatmail-storage: converts all accounts to the format that was chosen, then ends."""

import contextlib
import fcntl
import itertools
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from chatmaild.address import Address
from chatmaild.conversion.accounts import Converter, recover, waiting
from chatmaild.conversion.dovecot import Doveadm
from chatmaild.conversion.sessions import DovecotSessions
from chatmaild.errors import ConversionError
from chatmaild.metrics import numbers
from chatmaild.settings import Settings
from chatmaild.store.mail.formats import Choice, Format
from chatmaild.store.mailboxes import Mailboxes, account_of

_log = logging.getLogger(__name__)

# of chatmail-upgrade; there while a new system is on trial
TRIAL: Final = Path("/var/lib/chatmail-upgrade/previous")
# the accounts that are being converted, for the next process if this one is killed
_OPEN: Final = "storage-open"
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
        recover_interrupted(settings)
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
    sessions = DovecotSessions(settings, doveadm.program)
    converter = Converter(mailboxes, wanted, doveadm, sessions)
    found = waiting(mailboxes, wanted)
    started_s, left = time.monotonic(), len(found)
    _report(settings, converter, left)
    for batch in _batches(mailboxes, found):
        if choice.stored() is not wanted:
            return False
        _convert(settings, converter, batch)
        left -= len(batch)
        _report(settings, converter, left)
    if found:
        done, took_s = converter.result, time.monotonic() - started_s
        _log.info(
            "storage: %d accounts are %s now, %d failed; %.1f s",
            *(done.converted, wanted, done.failed, took_s),
        )
    return True


def _convert(settings: Settings, converter: Converter, batch: Sequence[Address]) -> None:
    journal = Path(settings.directories.accounts) / _OPEN
    journal.write_text("".join(f"{one.account}\n" for one in batch))
    converter.convert(batch)
    journal.unlink()


def recover_interrupted(settings: Settings) -> None:
    """Make accounts usable that a killed process was converting.

    Raises:
        OSError: the disk fails.
    """
    journal = Path(settings.directories.accounts) / _OPEN
    try:
        names = journal.read_text().splitlines()
    except FileNotFoundError:
        return
    recover(Mailboxes.of(settings), [one for name in names if (one := account_of(name))])
    journal.unlink(missing_ok=True)


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
    """About how many messages the account has."""
    places = itertools.chain((home / "cur", home / "new"), home.glob("mailboxes/*/dbox-Mails"))
    number = 0
    for place in places:
        with contextlib.suppress(OSError):
            number += len(os.listdir(place))  # noqa: PTH208 - only their number is needed
    return number


def _report(settings: Settings, converter: Converter, left: int) -> None:
    found = {
        "format": str(converter.wanted),
        "left": left,
        "converted": converter.result.converted,
        "failed": converter.result.failed,
    }
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
