"""Copies of mailboxes in another format, which Dovecot's own tool writes: `doveadm backup`.

It keeps UIDs, UIDVALIDITY, flags, keywords, times of arrival and subscriptions. A second call
copies what has changed since the first one.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chatmaild.conversion.places import CONVERTED, CONVERTING, other
from chatmaild.errors import ConversionError
from chatmaild.store.mail.formats import Format

# an account has at most 50,000 messages, which take minutes on a slow disk
_TIMEOUT_S: Final = 3600.0
# exit codes of doveadm: a user failed; the settings cannot be read (sysexits.h)
_USAGE: Final = 64
_CONFIG: Final = 78


class Doveadm:
    """Dovecot's command, with settings of its own: without quota, push and METADATA."""

    def __init__(self, program: str, configuration: str) -> None:
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
        said = self._run([*options, "backup", "-u", home.name, _target(wanted)], "")
        if said is not None:
            raise ConversionError(said.replace(home.name, "ADDRESS"))

    def _run(self, arguments: Sequence[str], stdin: str) -> str | None:
        """Run it; return what Dovecot says if an account failed."""
        try:
            # a file: Dovecot cannot read it from a pipe
            with tempfile.TemporaryFile() as file:
                file.write(stdin.encode())
                file.seek(0)
                done = subprocess.run(
                    [*self._command, *arguments],
                    stdin=file,
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
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
