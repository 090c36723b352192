"""Which machines answer in the tunnel; here it is the loopback interface."""

import socket

from chatmaild.operator.cluster import tunnel


def test_a_refusal_is_an_answer() -> None:
    """The firewall of a front refuses all ports that it has no service for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert tunnel.answers("127.0.0.1", port)

    assert tunnel.answers("127.0.0.1", port)


def test_a_machine_without_a_route_is_silent() -> None:
    """So is one that nobody has (RFC 6666: packets for this network are discarded)."""
    assert not tunnel.answers("100::1", 9)
