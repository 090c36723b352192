"""The user of the other end of a loopback connection, as the kernel tells it."""

import os
import socket
import subprocess
import sys

import pytest

from chatmaild.net.loopback import uid_of_peer

from ..waiting import DEADLINE_S

NOBODY = 65534
CLIENT = """
import encodings.idna, os, socket, sys
os.setuid(int(sys.argv[1]))
client = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
client.recv(1)
"""


def _server() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(DEADLINE_S)
    return server


def test_own_user() -> None:
    """Of the end that is asked about, not of the other."""
    with _server() as server, socket.create_connection(server.getsockname()):
        connection, _ = server.accept()
        with connection:
            assert os.getuid() == uid_of_peer(connection)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user() -> None:
    """The server runs as root, the client as nobody."""
    with _server() as server:
        command = [sys.executable, "-c", CLIENT, str(NOBODY), str(server.getsockname()[1])]
        with subprocess.Popen(command):
            connection, _ = server.accept()
            with connection:
                assert uid_of_peer(connection) == NOBODY


def test_a_client_that_has_gone() -> None:
    """Nobody, whoever it was."""
    with _server() as server:
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
        # closed without the handshake of an end, so that no half of the connection stays
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with connection:
            name: tuple[str, int] = connection.getpeername()
            client.close()

            class Gone(socket.socket):
                def getpeername(self) -> tuple[str, int]:
                    return name

            with Gone(fileno=os.dup(connection.fileno())) as gone:
                assert uid_of_peer(gone) is None
