"""Ask the kernel which user opened the other end of a loopback TCP connection.

SO_PEERCRED has no answer for TCP. The kernel's socket diagnosis finds one socket by its addresses
in microseconds (sock_diag(7)); /proc/net/tcp would list all connections of the machine.
A process in a user namespace sees 65534 for users that the namespace does not map.
"""

import pwd
import socket
import struct
from typing import Final

_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_NETLINK_SOCK_DIAG: Final = 4
# netlink(7): length, type, flags, sequence, port
_HEADER: Final = struct.Struct("=IHHII")
# inet_diag_req_v2: family, protocol, extensions, padding, states, then inet_diag_sockid: ports and
# IP addresses of that socket and of its peer, interface, cookie
_REQUEST: Final = struct.Struct("=BBBxI2s2s16s16sIII")
_NO_COOKIE: Final = 0xFFFFFFFF
# inet_diag_msg: the user comes after family and timers, the sockid, expiry and two queues
_UID_OFFSET: Final = _HEADER.size + 4 + 48 + 12


def is_from(connection: socket.socket, user: str) -> bool:
    """Tell whether a process of that user opened the connection; False if there is no such user.

    Raises:
        OSError: as `uid_of_peer`.
    """
    try:
        return uid_of_peer(connection) == pwd.getpwnam(user).pw_uid
    except KeyError:
        return False


def uid_of_peer(connection: socket.socket) -> int | None:
    """Return the user of the process that connected; None if the kernel knows no such socket.

    Args:
        connection: an accepted IPv4 connection whose peer is on this machine.

    Raises:
        OSError: the kernel has no socket diagnosis, or the process may not use it.
    """
    own, peer = connection.getsockname(), connection.getpeername()
    fields = (*map(_port, (peer, own)), *map(_ip, (peer, own)))
    request = _REQUEST.pack(
        socket.AF_INET, socket.IPPROTO_TCP, 0, _NO_COOKIE, *fields, 0, _NO_COOKIE, _NO_COOKIE
    )
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(header + request)
        answer = kernel.recv(8192)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    [uid] = struct.unpack_from("=I", answer, _UID_OFFSET)
    return int(uid)


def _port(address: tuple[str, int]) -> bytes:
    return struct.pack("!H", address[1])


def _ip(address: tuple[str, int]) -> bytes:
    return socket.inet_aton(address[0]).ljust(16, b"\0")
