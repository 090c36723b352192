"""The unit chatmail-metrics: one page for Prometheus, and the jobs that count for it.

At each scrape the collector reads the metrics of the other services from their unix sockets; every
15 s it measures connections, units and disks. It has no rights. `census` counts addresses once an
hour, `queue` counts the messages of Postfix each minute; both write their counts to files.
"""

from chatmaild.settings import Settings
from chatmaild.wire import serve


def run(settings: Settings) -> None:
    """Serve until SIGTERM.

    Raises:
        OSError: a socket cannot be used, or the token cannot be read.
        SettingsError: the address needs a token, and there is none.
    """
    from chatmaild.monitor.service import set_up

    serve.run(lambda stack: set_up(settings, stack))


def count_addresses(settings: Settings) -> None:
    """Count addresses, read the end of the certificate, and write both to files.

    Raises:
        OSError: the mail directory cannot be read, or a file cannot be written.
    """
    from chatmaild.monitor import census

    census.run(settings)


def count_queue(settings: Settings, postqueue: str) -> None:
    """Count the messages in Postfix' queues; `postqueue` is its program.

    Raises:
        OSError: the file cannot be written.
    """
    from chatmaild.monitor import queue

    queue.run(settings, postqueue)
