"""Open connections of clients, counted by port."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from chatmaild.settings import Settings

# proc_net_tcp: one line a socket, IPv4 and IPv6 apart
TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"


def count(settings: Settings) -> dict[str, int]:
    """The connections of each kind; on a shared port 443 all count as `HTTPS`.

    A store has those of its people alone, which come through the fronts.
    """
    ports = settings.ports
    kinds = {
        ports.imap: "IMAP",
        ports.imaps: "IMAP",
        ports.submission: "submission",
        ports.submissions: "submission",
        ports.smtp: "SMTP",
        ports.https: "HTTPS",
    }
    found: Counter[str] = Counter()
    for table in TABLES:
        try:
            with table.open() as lines:
                found.update(by_port(lines))
        except OSError:
            continue
    names = ["IMAP", "submission", "SMTP", "HTTPS"]
    if settings.cluster.role == "store":
        del names[1:]
    return {name: sum(found[str(p)] for p, kind in kinds.items() if kind == name) for name in names}


def by_port(lines: Iterable[str]) -> Counter[str]:
    """Established connections by local port."""
    found: Counter[str] = Counter()
    for line in lines:
        fields = line.split(maxsplit=4)
        if len(fields) > 3 and fields[3] == _ESTABLISHED:
            found[str(int(fields[1].rpartition(":")[2], 16))] += 1
    return found
