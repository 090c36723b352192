"""Copies of mailboxes in another format, which Dovecot's own tool writes: `doveadm backup`.

It keeps UIDs, UIDVALIDITY, flags, keywords, times of arrival and subscriptions. A second call
copies what has changed since the first one.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Final

from chatmaild.conversion.places import CONVERTING, other
from chatmaild.errors import BusyError, ConversionError, ToolError
from chatmaild.store.mail.formats import Format

# an account has at most 50,000 messages, which take minutes on a slow disk
TIMEOUT_S: Final = 3600.0
# modules/chatmail/dovecot/mailboxes/conversion.nix
CONFIGURATION: Final = "/etc/chatmail/storage.conf"
# exit codes of doveadm: a user failed; the settings cannot be read (sysexits.h)
_USAGE: Final = 64
_CONFIG: Final = 78
# what it says when Dovecot does not run, or starts
_STOPPED: Final = re.compile(rb"auth-master: |User lookup failed")


class Doveadm:
    """Dovecot's command, with settings of its own: without quota, push and METADATA."""

    def __init__(self, program: str, configuration: str = CONFIGURATION) -> None:
        self._command = (program, "-c", configuration)

    def copy(self, accounts: Sequence[str], wanted: Format) -> None:
        """Write or renew `converting` of accounts that are in use; the caller syncs the disk.

        What Dovecot says of single accounts is ignored: the result is compared afterwards.

        Raises:
            ToolError: Dovecot could not start.
            ConversionError: it crashed.
        """
        users = "".join(f"{account}\n" for account in accounts)
        options = ["-o", "mail_fsync=never", "-o", f"mail_driver={other(wanted)}"]
        arguments = [*options, "backup", "-F", "/dev/stdin", _target(wanted)]
        self._run(arguments, users)

    def copy_rest(self, account: str, wanted: Format, *, within_s: float) -> None:
        """Renew `converting` of an account; it is on disk then.

        Raises:
            BusyError: it takes longer.
            ConversionError: Dovecot failed.
        """
        options = ["-o", "mail_fsync=always", "-o", f"mail_driver={other(wanted)}"]
        arguments = [*options, "backup", "-u", account, _target(wanted)]
        self._one(account, arguments, timeout_s=within_s)

    def _one(self, account: str, arguments: Sequence[str], *, timeout_s: float) -> None:
        said = self._run(arguments, "", timeout_s=timeout_s)
        if said is not None:
            raise ConversionError(said.replace(account, "ADDRESS"))

    def _run(
        self, arguments: Sequence[str], stdin: str, *, timeout_s: float = TIMEOUT_S
    ) -> str | None:
        """Run it; return what Dovecot says if an account failed."""
        command = [*self._command, *arguments]
        try:
            # a file: Dovecot cannot read it from a pipe
            with tempfile.TemporaryFile() as file:
                file.write(stdin.encode())
                file.seek(0)
                done = subprocess.run(
                    command, stdin=file, capture_output=True, timeout=timeout_s, check=False
                )
        except subprocess.TimeoutExpired as error:
            raise BusyError("Dovecot needs too long for what has changed") from error
        except OSError as error:
            raise ToolError(f"doveadm does not work: {type(error).__name__}") from error
        if done.returncode in (_USAGE, _CONFIG):
            raise ToolError(f"doveadm ended with {done.returncode}")
        if done.returncode and _STOPPED.search(done.stderr):
            raise ToolError("Dovecot does not run, and its tool looks for accounts there")
        if done.returncode < 0:
            raise ConversionError(f"doveadm ended with {done.returncode}")
        if done.returncode == 0:
            return None
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if "Error:" in line] or lines
        return errors[0] if errors else f"doveadm ended with {done.returncode}"


def _target(wanted: Format) -> str:
    return f"{wanted}:~/{CONVERTING}"
