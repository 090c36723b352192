"""Open TCP connections by public port, from the kernel's socket diagnosis (sock_diag(7)).

Only ports are read, no IP addresses.
"""

import socket
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Final

from chatmaild.metrics import Counters
from chatmaild.settings import Settings

_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST_DUMP: Final = 0x301
_NETLINK_SOCK_DIAG: Final = 4
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_ESTABLISHED: Final = 1 << 1
# netlink(7): length, type, flags, sequence, port
_HEADER: Final = struct.Struct("=IHHII")
# inet_diag_req_v2: family, protocol, extensions, padding, states, an empty inet_diag_sockid
_REQUEST: Final = struct.Struct("=BBBxI48x")
# inet_diag_msg: family, state, timer, retransmissions; then the own port in network order
_PORT: Final = struct.Struct("!H")
_PORT_OFFSET: Final = _HEADER.size + 4
_READ_BYTES: Final = 1 << 18
TIMEOUT_S: Final = 5.0


def measure(settings: Settings, counters: Counters) -> None:
    """Count the connections, and set the gauges.

    Raises:
        OSError: the kernel has no socket diagnosis.
    """
    ports = settings.ports
    if settings.cluster.role == "store":
        # from its fronts
        names = [ports.imap, ports.lmtp, ports.accounts]
    else:
        names = [ports.smtp, ports.imap, ports.https]
        names += [ports.submissions, ports.submission, ports.imaps]
    found = Counter(own_ports())
    for port in names:
        counters.set("connections", found[port], port=str(port))


def own_ports() -> Iterator[int]:
    """Yield the own port of each established TCP connection of this machine.

    Raises:
        OSError: the kernel has no socket diagnosis.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(TIMEOUT_S)
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ESTABLISHED)
            size = _HEADER.size + len(request)
            kernel.send(
                _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0) + request
            )
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[int]:
    while True:
        data = kernel.recv(_READ_BYTES)
        at = 0
        while at < len(data):
            length, kind, *_ = _HEADER.unpack_from(data, at)
            if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                return
            yield _PORT.unpack_from(data, at + _PORT_OFFSET)[0]
            at += (length + 3) & ~3
