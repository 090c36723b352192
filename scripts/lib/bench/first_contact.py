"""Measures a message to a relay that was not seen lately, and the floor: DNS, TCP and TLS alone.

`first_contact` is for families/far.py. The script itself is the client: it sends a message for each
line of its standard input, and then some to the peer that is known now.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import labs

RELAYS = ("a.test", "b.test")
TRIES = 5
KNOWN = 3  # messages behind the first one
# above the TTL of the lab's records (1 s) and the pause between two hints of the filter (5 s)
PAUSE_S = 6.0
DEADLINE_S = 60

# On the relay: MX, then both addresses at once, then TCP and TLS 1.3 with the certificate checked.
# All messages are made before, so that the floor is time of the network and of OpenSSL.
_FLOOR = """
import socket, ssl, statistics, sys, time
import dns.message
peer = sys.argv[1]
queries = {kind: dns.message.make_query(peer + ".", kind).to_wire() for kind in ("MX", "AAAA", "A")}
context = ssl.create_default_context()
def ask(*kinds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unbound:
        unbound.connect(("127.0.0.1", 53))
        for kind in kinds:
            unbound.send(queries[kind])
        for kind in kinds:
            unbound.recv(4096)
address = socket.getaddrinfo(peer, 443, type=socket.SOCK_STREAM)[0][4]
took_ms = []
for _ in range(int(sys.argv[2])):
    time.sleep(1.2)
    start_s = time.perf_counter()
    ask("MX")
    ask("AAAA", "A")
    with socket.create_connection(address[:2]) as plain:
        with context.wrap_socket(plain, server_hostname=peer):
            took_ms.append(1000 * (time.perf_counter() - start_s))
print(statistics.median(took_ms))
"""


def floor_ms(name: str, relay: str = RELAYS[0], peer: str = RELAYS[1]) -> float:
    """Return the median time of DNS, TCP and TLS from a relay to its peer, nothing cached."""
    printed = labs.output(name, relay, "python3", "-c", _FLOOR, peer, str(TRIES))
    return float(printed)


def first_contact(name: str) -> dict[str, float]:
    """Send messages to a peer whose connection has ended and whose records have run out.

    `extra_per_floor` is what the first message takes longer than the next ones, in floors.
    """
    command = labs.python(name, __file__, *RELAYS)
    first_ms, known_ms = [], []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdout.readline()
        for _ in range(TRIES):
            # its old workers close idle connections
            labs.output(name, RELAYS[1], "systemctl", "reload", "nginx")
            time.sleep(PAUSE_S)
            client.stdin.write("\n")
            client.stdin.flush()
            first, *known = json.loads(client.stdout.readline())
            first_ms.append(first)
            known_ms += known
        client.stdin.close()
        client.wait(timeout=DEADLINE_S)
    first, known, floor = statistics.median(first_ms), statistics.median(known_ms), floor_ms(name)
    return {
        "first_ms": first,
        "known_ms": known,
        "floor_ms": floor,
        "first_per_floor": first / floor,
        "extra_per_floor": (first - known) / floor,
    }


def _serve(domain: str, to: str) -> None:
    from bench.load import imap_session, message, smtp_session
    from bench.notices import Notices
    from chatmail_testkit.people.names import new_accounts

    [sender], [recipient] = new_accounts(domain, 1), new_accounts(to, 1)
    with imap_session(recipient) as waiting, smtp_session(sender) as session:
        waiting.idles()
        notices = Notices(waiting)

        def sends() -> float:
            raw = message(sender, recipient, 2500)
            start_s = time.perf_counter()
            session.submit(recipient.address, raw)
            return 1000 * (notices.next_s() - start_s)

        print(sends(), flush=True)  # starts processes
        while sys.stdin.readline():
            took_ms = [sends()]
            for _ in range(KNOWN):
                time.sleep(0.2)
                took_ms.append(sends())
            print(json.dumps(took_ms), flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
