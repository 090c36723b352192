"""A client of Dovecot's auth that reads answers late gets all: so does imap-login in a storm."""

from __future__ import annotations

from chatmail_testkit.relays.target import Machine

# Postfix' own socket; imap-login speaks the same protocol
SOCKET = "/var/lib/postfix/queue/private/auth"

# Three acts, each a connection: how long an answer is; how many answers fit into the socket; then
# some more, so that auth has over 50 KB left. Half of those in the socket are read, so that the
# rest fits into it at once, and another request is sent: auth stops reading while it answers that
# one. Is the next one answered?
PROGRAM = r"""
import array, fcntl, os, socket, sys, termios, time

LEFT_BYTES = 56_000
REQUEST = "AUTH\t{}\tPLAIN\tservice=imap\tresp=eA==\n"
DEADLINE_S = 60

class Client:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(sys.argv[1])
        self.socket.settimeout(DEADLINE_S)
        self.socket.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
        greeting = b""
        while not greeting.endswith(b"DONE\n"):
            greeting += self.read()
        self.sent = 0
        self.left = b""

    def ask(self, number):
        for _ in range(number):
            self.sent += 1
            self.socket.sendall(REQUEST.format(self.sent).encode())

    def ask_while_it_reads(self, number):
        "It may stop reading before; what is not sent then is of no use."
        self.socket.settimeout(1)
        try:
            self.ask(number)
        except TimeoutError:
            pass

    def read(self, size=65536):
        data = self.socket.recv(size)
        if not data:
            raise SystemExit("auth closed the connection")
        return data

    def answers(self, number):
        "Read until that many answers are complete; return their length."
        while self.left.count(b"\n") < number:
            self.left += self.read()
        return len(self.left)

    def waiting_bytes(self):
        "How much is in the socket when no more comes."
        deadline, found, same = time.monotonic() + DEADLINE_S, -1, 0
        while same < 10:
            time.sleep(0.2)
            number = array.array("i", [0])
            fcntl.ioctl(self.socket, termios.FIONREAD, number)
            same = same + 1 if number[0] == found and found else 0
            found = number[0]
            if time.monotonic() > deadline:
                raise SystemExit("auth does not answer")
        return found

one = Client()
one.ask(1)
each = one.answers(1) + 3

many = Client()
many.ask_while_it_reads(400_000 // each)
room = many.waiting_bytes()

late = Client()
late.ask((room + LEFT_BYTES) // each)
held = late.waiting_bytes()
late.left = late.read(held // 2)
late.ask(1)
late.answers(late.sent)
late.ask(1)
late.answers(late.sent)
"""


def test_all_requests_are_answered(machine: Machine) -> None:
    """auth stops reading from a client that leaves answers unread, and must begin again."""
    machine.run("python3", "-c", PROGRAM, SOCKET, timeout_s=150)
