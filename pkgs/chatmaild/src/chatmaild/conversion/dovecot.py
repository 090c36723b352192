"""Copies of mailboxes in another format, which Dovecot's own tool writes: `doveadm backup`.

It keeps UIDs, UIDVALIDITY, flags, keywords, times of arrival and subscriptions. A second call
copies what has changed since the first one.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from chatmaild.conversion.places import CONVERTED, CONVERTING, other
from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Format

# an account has at most 50,000 messages, which take minutes on a slow disk
TIMEOUT_S: Final = 3600.0
# modules/chatmail/dovecot/conversion.nix
CONFIGURATION: Final = "/etc/chatmail/storage.conf"
# exit codes of doveadm: a user failed; the settings cannot be read (sysexits.h)
_USAGE: Final = 64
_CONFIG: Final = 78


Run = Callable[[Sequence[str], IO[bytes]], "subprocess.CompletedProcess[bytes]"]


def run_here(command: Sequence[str], stdin: IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
    """Run a command as the user of this process."""
    return subprocess.run(command, stdin=stdin, capture_output=True, timeout=TIMEOUT_S, check=False)


class Doveadm:
    """Dovecot's command, with settings of its own: without quota, push and METADATA."""

    def __init__(
        self, program: str, configuration: str = CONFIGURATION, run: Run = run_here
    ) -> None:
        self._start = run
        self.program = program
        self._command = (program, "-c", configuration)

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Write or renew `converting` of accounts that are in use; the caller syncs the disk.

        What Dovecot says of single accounts is ignored: the result is compared afterwards.

        Raises:
            ConversionError: Dovecot could not start.
        """
        users = "".join(f"{account}\n" for account in accounts)
        options = ["-o", "mail_fsync=never", "-o", f"mail_driver={other(wanted)}"]
        self._run([*options, "backup", "-F", "/dev/stdin", _target(wanted)], users)

    def copy_frozen(self, home: Path, wanted: Format) -> None:
        """Renew `converting` of an account whose mailbox is in `converted`; it is on disk then.

        Raises:
            ConversionError: Dovecot failed.
        """
        options = [
            *("-o", "mail_fsync=always"),
            *("-o", f"mail_driver={other(wanted)}"),
            *("-o", f"mail_path={home / CONVERTED}"),
        ]
        self._one(home.name, [*options, "backup", "-u", home.name, _target(wanted)])

    def copy_to(self, account: str, place: Path) -> None:
        """Write the messages of an account that is an sdbox into a new maildir.

        Raises:
            ConversionError: Dovecot failed.
        """
        options = ["-o", "mail_fsync=never", "-o", f"mail_driver={Format.SDBOX}"]
        target = f"{Format.MAILDIR}:{place}"
        self._one(account, [*options, "backup", "-u", account, target])

    def _one(self, account: str, arguments: Sequence[str]) -> None:
        said = self._run(arguments, "")
        if said is not None:
            raise ConversionError(said.replace(account, "ADDRESS"))

    def _run(self, arguments: Sequence[str], stdin: str) -> str | None:
        """Run it; return what Dovecot says if an account failed."""
        try:
            # a file: Dovecot cannot read it from a pipe
            with tempfile.TemporaryFile() as file:
                file.write(stdin.encode())
                file.seek(0)
                done = self._start([*self._command, *arguments], file)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConversionError(f"doveadm does not work: {type(error).__name__}") from error
        if done.returncode < 0 or done.returncode in (_USAGE, _CONFIG):
            raise ConversionError(f"doveadm ended with {done.returncode}")
        if done.returncode == 0:
            return None
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"doveadm ended with {done.returncode}"


def _target(wanted: Format) -> str:
    return f"{wanted}:~/{CONVERTING}"
