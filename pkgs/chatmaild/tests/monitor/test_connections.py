"""Connections by port, as the kernel knows them."""

import socket
from collections import Counter

import pytest

from chatmaild.monitor.connections import own_ports


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_connections_are_counted(family: socket.AddressFamily, host: str) -> None:
    """Established ones, at the server's port; also more than one answer of the kernel holds."""
    try:
        listener = socket.create_server((host, 0), family=family, backlog=500)
    except OSError:
        pytest.skip("this machine has no such address")
    with listener:
        port = listener.getsockname()[1]
        clients = [socket.create_connection((host, port)) for _ in range(400)]
        found = Counter(own_ports())
        for client in clients:
            client.close()

    assert found[port] == 400
