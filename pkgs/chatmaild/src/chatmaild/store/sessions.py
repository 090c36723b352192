"""Ending the sessions of an address, by way of a socket that Dovecot has for this alone."""

import contextlib
import socket

from chatmaild.address import Address
from chatmaild.settings import Settings

# Dovecot's master process takes the connection and a child of it does the work: below 0.1 s
TIMEOUT_S = 5.0
# what Dovecot's `script` wants to hear (src/util/script.c)
_REQUEST = "VERSION\tscript\t4\t0\nnoreply\n{address}\n\n"
_ANSWER_OCTETS = 4096


def end_sessions(settings: Settings, address: Address) -> None:
    """Log an account out everywhere; without Dovecot there are no sessions to end.

    Returns when that is done, and whoever logs in afterwards stays.
    """
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dovecot,
    ):
        dovecot.settimeout(TIMEOUT_S)
        dovecot.connect(settings.sockets.end_sessions)
        dovecot.sendall(_REQUEST.format(address=address.account).encode())
        while dovecot.recv(_ANSWER_OCTETS):  # how many there were; the end is the end of the work
            pass
