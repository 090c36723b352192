"""The client of STUN and TURN, against a server in this process."""

import hashlib
import hmac
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from chatmaild.operator.selftest.network import stun

from ....waiting import DEADLINE_S

REALM, NONCE, NAME, PASSWORD = b"chat.example.org", b"n0nce", "1795923000", "secret"


class Server:
    """Answers as coturn does; `allocated` is True between Allocate and Refresh."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(DEADLINE_S)
        self.lost = 0
        self.allocated = False
        self.was_allocated = False

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.socket.getsockname()
        return host, port

    def serve(self) -> None:
        while True:
            try:
                data, client = self.socket.recvfrom(2048)
            except OSError:
                return
            if self.lost:
                self.lost -= 1
                continue
            self.socket.sendto(self.answer(stun.decode(data), data, client), client)

    def answer(self, asked: stun.Message, data: bytes, client: tuple[str, int]) -> bytes:
        t = asked.transaction
        if asked.kind == stun.BINDING:
            found = {stun.XOR_MAPPED_ADDRESS: xored(client)}
            return stun.encode(asked.kind | stun.SUCCESS, found, t)
        if stun.USERNAME not in asked.attributes:
            return self.error(asked, 401)
        key = hashlib.md5(b":".join((NAME.encode(), REALM, PASSWORD.encode()))).digest()
        right = hmac.digest(key, data[: -4 - stun.INTEGRITY_BYTES], hashlib.sha1)
        if asked.attributes[stun.MESSAGE_INTEGRITY] != right:
            return self.error(asked, 431)
        if asked.kind == stun.REFRESH:
            self.allocated = asked.attributes[stun.LIFETIME] != bytes(4)
            return stun.encode(asked.kind | stun.SUCCESS, {}, t)
        self.allocated = self.was_allocated = True
        found = {stun.XOR_RELAYED_ADDRESS: xored(("203.0.113.5", 50000))}
        return stun.encode(asked.kind | stun.SUCCESS, found, t)

    def error(self, asked: stun.Message, code: int) -> bytes:
        number = bytes((0, 0, code // 100, code % 100)) + b"no"
        found = {stun.ERROR_CODE: number, stun.REALM: REALM, stun.NONCE: NONCE}
        return stun.encode(asked.kind | stun.ERROR, found, asked.transaction)


def xored(address: tuple[str, int]) -> bytes:
    magic = struct.pack("!I", stun.MAGIC)
    raw = bytes(a ^ b for a, b in zip(socket.inet_aton(address[0]), magic, strict=True))
    return struct.pack("!BBH", 0, 1, address[1] ^ (stun.MAGIC >> 16)) + raw


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve, daemon=True)
    thread.start()
    yield found
    found.socket.close()


def test_a_binding_tells_the_address(server: Server) -> None:
    """RFC 8489 section 14.2."""
    assert stun.own_address(server.address) == "127.0.0.1"


def test_a_lost_packet_is_sent_again(server: Server) -> None:
    """UDP loses some."""
    server.lost = 1

    assert stun.own_address(server.address) == "127.0.0.1"


def test_an_allocation_is_given_back(server: Server) -> None:
    """Nothing is left on the server."""
    assert stun.allocate(server.address, NAME, PASSWORD) == "203.0.113.5"
    assert server.was_allocated
    assert not server.allocated


def test_a_wrong_password_is_told(server: Server) -> None:
    """With the number of the error."""
    with pytest.raises(stun.StunError, match="431"):
        stun.allocate(server.address, NAME, "wrong")


@pytest.mark.parametrize("data", [b"", b"\0" * 20, b"\0" * 30])
def test_what_is_no_stun_is_an_error(data: bytes) -> None:
    """Never an exception of another kind."""
    with pytest.raises(stun.StunError):
        stun.decode(data)


def test_nobody_there_is_an_error() -> None:
    """The port is closed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    with pytest.raises(ConnectionRefusedError):
        stun.own_address(address)
