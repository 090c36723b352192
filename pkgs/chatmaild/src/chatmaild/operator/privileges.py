"""Root acts as the mail user for files of mailboxes; the journal records each action."""

import contextlib
import logging
import logging.handlers
import os
import pwd
from collections.abc import Iterator

from chatmaild.errors import ChatmaildError

_SYSLOG = "/dev/log"


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
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.umask(mask)


def audit(text: str, *arguments: object) -> None:
    """Log an action to the journal, never the address it concerns."""
    try:
        handler = logging.handlers.SysLogHandler(
            _SYSLOG, logging.handlers.SysLogHandler.LOG_AUTHPRIV
        )
    except OSError:
        return
    handler.ident = "chatmail: "
    operator = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    line = f"{text % arguments} (operator: {operator})"
    handler.handle(logging.LogRecord("chatmail", logging.INFO, "", 0, line, None, None))
    handler.close()
