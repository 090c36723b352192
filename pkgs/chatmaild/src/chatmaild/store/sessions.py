"""End the Dovecot sessions of an account, through a socket that Dovecot has only for this."""

import contextlib
import socket
from typing import Final

from chatmaild.address import Address
from chatmaild.settings import Settings

# 5 s: Dovecot needs less than 0.1 s
TIMEOUT_S: Final = 5.0
# protocol of Dovecot's `script` service (src/util/script.c)
_REQUEST: Final = "VERSION\tscript\t4\t0\nnoreply\n{address}\n\n"
_ANSWER_BYTES: Final = 4096


def end_sessions(settings: Settings, address: Address, *, timeout_s: float = TIMEOUT_S) -> None:
    """End all sessions of an account; does nothing if Dovecot does not run.

    Returns after they have ended; later logins are not affected.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dovecot,
    ):
        dovecot.settimeout(timeout_s)
        dovecot.connect(settings.sockets.end_sessions)
        dovecot.sendall(_REQUEST.format(address=address.account).encode())
        while dovecot.recv(_ANSWER_BYTES):  # Dovecot closes the connection when it is done
            pass
