"""When many connections of a Dovecot process are ready, one that was quiet comes first."""

from __future__ import annotations

import json

from chatmail_testkit.relays.target import Machine

# A process with the library of Dovecot's configuration polls sockets that stay ready.
PATH = "grep --only-matching '[^:= ]*/quiet-first.so' /etc/dovecot/dovecot.conf"
PROGRAM = """
import collections, json, select, socket

READY, TURNS = 200, 100
pairs = [socket.socketpair() for _ in range(READY + 1)]
*ready, quiet = [mine.fileno() for mine, _ in pairs]
epoll = select.epoll()
for fd in (*ready, quiet):
    epoll.register(fd, select.EPOLLIN)
for _, peer in pairs[:-1]:
    peer.send(b"x")
served = collections.Counter()
for _ in range(TURNS):
    served.update([fd for fd, _ in epoll.poll()])
pairs[-1][1].send(b"x")
print(json.dumps({
    "in a turn": served.total() / TURNS,
    "least": min(served[fd] for fd in ready),
    "quiet one first": quiet in dict(epoll.poll()),
}))
"""
# 16, and a 64th of all that are ready
IN_A_TURN = 16 + 200 // 64
# each waits for twice as long as it takes to serve all: 21 turns
LEAST = 100 // 21


def test_the_order(machine: Machine) -> None:
    """All get their turn; the quiet one at once."""
    for member in machine.members:
        library = member.run("sh", "-c", PATH).strip()

        printed = member.run("env", f"LD_PRELOAD={library}", "python3", "-c", PROGRAM)

        found = json.loads(printed)
        assert found["quiet one first"]
        assert found["in a turn"] == IN_A_TURN
        assert found["least"] >= LEAST
