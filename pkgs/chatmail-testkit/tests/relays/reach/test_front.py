"""One front of several: each question about a relay's IP address has the same answer."""

from __future__ import annotations

import socket
from itertools import permutations

import pytest

from chatmail_testkit.relays.network import NetworkTarget
from chatmail_testkit.relays.reach.front import ip_address

# as text, 192.0.2.9 would be the last
FOUND = {
    socket.AF_INET: ("192.0.2.9", "192.0.2.10", "192.0.2.110"),
    socket.AF_INET6: ("2001:db8::9", "2001:db8::a", "2001:db8::6e"),
}


@pytest.mark.parametrize("family", FOUND)
def test_the_order_in_dns_does_not_matter(
    family: socket.AddressFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name servers turn it."""
    target = NetworkTarget(relays=("a.test", "b.test"), inside=False)
    answers = set()
    for order in permutations(FOUND[family]):
        ends = [(family, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in order]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, ends=ends: ends)
        answers.add(ip_address(target, "a.test", family))

    assert answers == {FOUND[family][0]}
