"""End Dovecot sessions, or list all: Dovecot has a socket for each."""

import contextlib
import errno
import socket
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings

# 5 s: Dovecot needs less than 0.1 s
TIMEOUT_S: Final = 5.0
# protocol of Dovecot's `script` service (src/util/script.c)
_REQUEST: Final = "VERSION\tscript\t4\t0\nnoreply\n{arguments}\n\n"
_LIST: Final = "VERSION\tscript\t4\t0\n-\n\n"
_ANSWER_BYTES: Final = 65536


def end_sessions(settings: Settings, address: Address, *, timeout_s: float = TIMEOUT_S) -> None:
    """End all sessions of an account; does nothing if Dovecot does not run.

    Returns after they have ended; later logins are not affected.
    """
    _ask(settings, timeout_s, str(address.account))


def end_sessions_at(settings: Settings, store: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """End all sessions that a front passes on to a store, by its IP address in the tunnel."""
    _ask(settings, timeout_s, store, "*")


def _ask(settings: Settings, timeout_s: float, *arguments: str) -> None:
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dovecot,
    ):
        dovecot.settimeout(timeout_s)
        dovecot.connect(settings.sockets.end_sessions)
        dovecot.sendall(_REQUEST.format(arguments="\n".join(arguments)).encode())
        while dovecot.recv(_ANSWER_BYTES):  # Dovecot closes the connection when it is done
            pass


def accounts_with_sessions(settings: Settings) -> frozenset[str]:
    """Return the addresses that are logged in, also those whose sessions sleep.

    Raises:
        OSError: Dovecot does not tell.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dovecot:
        dovecot.settimeout(TIMEOUT_S)
        dovecot.connect(settings.sockets.list_sessions)
        dovecot.sendall(_LIST.encode())
        answer = b""
        while piece := dovecot.recv(_ANSWER_BYTES):
            answer += piece
    # a line of titles, one for each account and service, and whether it worked
    *lines, result = answer.decode(errors="replace").splitlines() or [""]
    if result != "+" or not lines or not lines[0].startswith("username\t"):
        raise OSError(errno.EIO, "Dovecot does not list its sessions")
    return frozenset(line.partition("\t")[0] for line in lines[1:])
