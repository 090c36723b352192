"""The library before libmilter's functions: what a connection gives, in whatever pieces."""

import pytest
from chatmail_lab import Lab

# `connection()` is a pair: the client's socket, and what accept() gave, a plain descriptor;
# `ready` and `take` are the libc's poll() and read(), as libmilter calls them
FUNCTIONS = """
import ctypes, fcntl, random, select, socket, struct, termios, threading
libc = ctypes.CDLL(None)

class PollFd(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]

listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0brisk-milter-test")
listener.listen()

def connected():
    client = socket.socket(socket.AF_UNIX)
    client.connect("\\0brisk-milter-test")
    return client

def accepted():
    return libc.accept(listener.fileno(), None, None)

def connection():
    return connected(), accepted()

def ready(*descriptors, timeout_ms=5000):
    asked = (PollFd * len(descriptors))(*((fd, select.POLLIN, 0) for fd in descriptors))
    count = libc.poll(asked, len(descriptors), timeout_ms)
    found = [one.fd for one in asked if one.revents & select.POLLIN]
    assert count == len(found), (count, found)
    return found

def take(descriptor, size):
    room = ctypes.create_string_buffer(size)
    count = libc.read(descriptor, room, size)
    return room.raw[:count]

def in_kernel(descriptor):
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\\0" * 4))[0]
"""

SCENARIOS = {
    "a million octets in pieces of any size": """
chance = random.Random(1)
sent = chance.randbytes(1_000_000)
client, server = connection()

def send():
    at = 0
    while at < len(sent):
        size = chance.choice((1, 5, 17, 4095, 4096, 4097, 65540))
        client.sendall(sent[at : at + size])
        at += size
    client.close()

threading.Thread(target=send, daemon=True).start()
sizes, received = random.Random(2), b""
while ready(server) and (piece := take(server, sizes.choice((1, 5, 100, 4096, 65535)))):
    received += piece
assert received == sent, (len(received), len(sent))
""",
    "what was read ahead is ready at once": """
client, server = connection()
other, idle = connection()
client.sendall(b"0123456789")
assert ready(server) == [server] and take(server, 4) == b"0123"
assert in_kernel(server) == 0
assert ready(server, timeout_ms=-1) == [server]
assert ready(idle, server, timeout_ms=-1) == [server]
other.sendall(b"x")
assert ready(idle, server) == [idle, server]
assert take(server, 100) == b"456789"
assert ready(server, timeout_ms=0) == []
""",
    "a thread stays with its connection for a while": """
client, server = connection()
assert ready(server, listener.fileno(), timeout_ms=1) == []
threading.Timer(0.2, client.sendall, [b"x"]).start()
assert ready(server, timeout_ms=1) == [server]
""",
    "who does not ask poll() finds everything in the kernel": """
client, server = connection()
client.sendall(b"0123456789")
assert select.select([server], [], [], 5)[0] and take(server, 4) == b"0123"
assert in_kernel(server) == 6 and take(server, 100) == b"456789"
""",
    "a compiler that watches over buffers calls other functions": """
client, server = connection()
client.sendall(b"0123456789")
asked, room = PollFd(server, select.POLLIN, 0), ctypes.create_string_buffer(4)
assert libc.__poll_chk(ctypes.byref(asked), 1, -1, ctypes.sizeof(asked)) == 1
assert libc.__read_chk(server, room, 4, 4) == 4 and room.raw == b"0123"
assert in_kernel(server) == 0 and take(server, 100) == b"456789"
""",
    "a closed connection leaves nothing to the next one": """
client, server = connection()
client.sendall(b"of the first")
assert ready(server) and take(server, 3) == b"of "
following = connected()
libc.close(server)
again = accepted()
assert again == server
assert ready(again, timeout_ms=0) == []
following.sendall(b"of the second")
assert ready(again) and take(again, 100) == b"of the second"
following.close()
assert ready(again) and take(again, 100) == b""
""",
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_connections_that_are_read_ahead(running: Lab, scenario: str) -> None:
    """Every octet comes once and in order, and poll() tells the truth."""
    library = "LD_PRELOAD=/usr/lib/chatmail/brisk-milter.so"
    running.relay("a.test").exec(["env", library, "python3", "-c", FUNCTIONS + scenario])


def test_the_filter_is_under_the_library(running: Lab) -> None:
    """The description says so, and the sandbox lets it."""
    maps = running.relay("a.test").exec(
        ["sh", "-c", "cat /proc/$(systemctl show -P MainPID chatmail-filter)/maps"]
    )
    assert "brisk-milter.so" in maps.stdout
