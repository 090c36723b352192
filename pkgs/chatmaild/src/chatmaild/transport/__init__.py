"""The unit chatmail-transport: delivery over HTTPS between relays.

HTTPS works where port 25 is blocked, and it is faster.

Outbound: Postfix looks up the route of a domain at `destinations.sock`. Its smtp client then tries
`outbound/smtp_server.py` on the loopback interface and the domain's own hosts, in that order.
Inbound: nginx forwards `/mxdeliv` to `mxdeliv.sock`, and each message goes to Postfix' smtpd.
Postfix is the only queue: each side answers only after the next one has accepted the message.
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
