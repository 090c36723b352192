"""Delivery over HTTPS between relays, for where port 25 is closed, and because it is quicker.

Out: Postfix asks `destinations.sock` for the way to a domain, and its smtp client then talks to
`gateway.py` on the loopback interface and to the domain's own hosts, one after the other.
In: nginx forwards `/mxdeliv` to `mxdeliv.sock`, and every message goes on into Postfix' smtpd.
Postfix is the only queue: each side answers only when the next one has taken the message.
"""

from chatmaild.settings import Settings
from chatmaild.wire import serve


def run(settings: Settings) -> None:
    """Serve until SIGTERM.

    Raises:
        OSError: a socket cannot be used.
    """
    from chatmaild.transport.service import set_up

    serve.run(lambda stack: set_up(settings, stack))
