"""Act as the mail user for files of mailboxes; log each action to the journal."""

import contextlib
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator

from chatmaild.errors import ChatmaildError

_WRITER = """
import sys, syslog
syslog.openlog("chatmail", 0, syslog.LOG_AUTHPRIV)
syslog.syslog(syslog.LOG_INFO, sys.argv[1])
"""
# writing a line takes milliseconds; a journal that hangs must not block the command
_WRITER_TIMEOUT_S = 5
# the effective uid of each `acting_as` that is not over
_acting: list[int] = []


@contextlib.contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Take the user's effective uid and gid in this context; does nothing without root.

    Raises:
        ChatmaildError: there is no such user.
    """
    if os.geteuid() != 0:
        yield
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise ChatmaildError(f"there is no user {user}: is the relay set up?") from error
    group = os.getegid()
    mask = os.umask(0o027)
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    _acting.append(entry.pw_uid)
    try:
        yield
    finally:
        _acting.pop()
        os.seteuid(0)
        os.setegid(group)
        os.umask(mask)


@contextlib.contextmanager
def as_root_again() -> Iterator[None]:
    """Take root's effective uid again within `acting_as`, to open one file; else does nothing."""
    if not _acting:
        yield
        return
    os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(_acting[-1])


def audit(text: str, *arguments: object) -> None:
    """Log an action to the journal, never the address it concerns.

    A new process writes it: journald adds the writer's command line; ours may have the address.
    """
    operator = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    line = f"{text % arguments} (operator: {operator})"
    command = [sys.executable, "-I", "-c", _WRITER, line]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, check=False, timeout=_WRITER_TIMEOUT_S)
