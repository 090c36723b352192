"""One machine of those that clients come to: limits for a network are those of a machine."""

from __future__ import annotations

import socket

from chatmail_testkit.relays.target import Target


def ip_address(target: Target, domain: str, family: socket.AddressFamily) -> str:
    """Returns an IP address of a relay, that of the same machine each time and in both families."""
    found = socket.getaddrinfo(target.host(domain), None, family, socket.SOCK_STREAM)
    packed = min(socket.inet_pton(family, str(end[0])) for *_, end in found)
    return socket.inet_ntop(family, packed)
