"""Mailboxes of this relay that are sdbox, for `import` and `export`, which know maildir only.

Dovecot's own tool writes each maildir (conversion/dovecot.py).
"""

import contextlib
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from chatmaild.address import Address
from chatmaild.conversion.accounts import FAILED, Converter
from chatmaild.conversion.dovecot import TIMEOUT_S, Doveadm
from chatmaild.conversion.service import alone
from chatmaild.conversion.sessions import DovecotSessions
from chatmaild.errors import BusyError, ConversionError, UntakenError
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.operator.privileges import acting_as, as_root_again
from chatmaild.settings import Settings
from chatmaild.store.mail.formats import Format, format_of
from chatmaild.store.mailboxes import TRASH_PREFIX, Mailboxes

# deleted by chatmail-expire if an export is killed
_COPY_PREFIX: Final = f"{TRASH_PREFIX}export-"
_PROGRAM: Final = "doveadm"
_UNIT: Final = "chatmail-storage"


@contextlib.contextmanager
def maildir(settings: Settings, address: Address, untaken: Untaken) -> Iterator[Directory | None]:
    """Give the messages of an sdbox as a maildir; None if the account is a maildir itself."""
    home = Mailboxes.of(settings).path(address)
    if format_of(home) is not Format.SDBOX:
        yield None
        return
    place = Path(settings.directories.mail) / f"{_COPY_PREFIX}{secrets.token_hex(8)}"
    with acting_as(settings.users.mail):
        place.mkdir(mode=0o700)
    try:
        try:
            _doveadm(settings).copy_to(home.name, place)
        except ConversionError as error:
            untaken.add(str(address), f"its mail cannot be read: {error}")
        with Directory.at(place) as copy:
            yield copy
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def filled_as_maildir(settings: Settings, address: Address) -> Iterator[None]:
    """Make an account a maildir for this time; it is an sdbox again afterwards.

    Raises:
        BusyError: mailboxes are being converted.
        UntakenError: it cannot be converted.
    """
    mailboxes = Mailboxes.of(settings)
    if format_of(mailboxes.path(address)) is not Format.SDBOX:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(alone(settings))
        except ConversionError as error:
            raise BusyError(str(error)) from error
        _convert(settings, mailboxes, address, Format.MAILDIR)
        try:
            yield
        finally:
            _convert(settings, mailboxes, address, Format.SDBOX)


def convert_new() -> None:
    """Let the unit convert accounts that were imported."""
    command = ["systemctl", "--quiet", "--no-block", "start", _UNIT]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=False, capture_output=True, timeout=TIMEOUT_S)


def _convert(settings: Settings, mailboxes: Mailboxes, address: Address, wanted: Format) -> None:
    sessions = DovecotSessions(settings, _PROGRAM)
    converter = Converter(mailboxes, wanted, _doveadm(settings), sessions)
    converter.convert([address])
    if converter.result.failed:
        reason = (mailboxes.path(address) / FAILED).read_text().strip()
        raise UntakenError(f"it cannot be converted to {wanted}: {reason}")


def _doveadm(settings: Settings) -> Doveadm:
    user = settings.users.mail

    def run(command: Sequence[str], stdin: IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
        """As the mail user, also for what the process could become again."""
        entry = pwd.getpwnam(user)
        with as_root_again():
            return subprocess.run(
                command,
                stdin=stdin,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                user=entry.pw_uid,
                group=entry.pw_gid,
                extra_groups=[],
                umask=0o077,
            )

    return Doveadm(_PROGRAM, run=run)
