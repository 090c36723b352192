"""Idle and slow connections from one IP address take the web server away from nobody else.

The flood comes over IPv4. IPv6 of the same client counts as somebody else.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.reach.front import ip_address
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import ANSWER_S, wait_for

# what a client has sent when it falls silent: nothing, half a ClientHello, half a header
FLOODS = [(443, b""), (443, b"\x16\x03\x01\x02"), (80, b""), (80, b"GET / HTTP/1.1\r\nX: ")]
# 10,000 in all; more than one worker of nginx had
EACH = 2500
SLOWER_BY_S = 0.05
SAMPLES = 15
MOST_ROUNDS = 10
ATTEMPTS = 5
# a fifth of 10,000 IMAP, 1,000 SMTP and 2,000 web connections
PER_NETWORK = 2600
UPLOADS_PER_NETWORK = 200
# as many as all networks together may have
SUBMISSIONS = 1000
# in the /64 of the client
NEIGHBOUR = "2001:db8::2:1"
HEADER_S = 10
SETTLED_WITHIN_S = 60


@pytest.mark.disturbs
def test_others_are_served(target: Target, relay: str) -> None:
    """Pages, IMAP and SMTP on port 443, and port 80 are as quick as before."""
    services: dict[str, Callable[[], object]] = {
        "page": lambda: _page(target, relay),
        "imap": lambda: _greeting(target, relay, "imap"),
        "smtp": lambda: _greeting(target, relay, "smtp"),
        "http": lambda: _redirect(target, relay),
    }
    quiet = {name: _median_s(serve) for name, serve in services.items()}

    with contextlib.ExitStack() as stack:
        for port, opening in FLOODS:
            stack.enter_context(_flood(ip_address(target, relay, socket.AF_INET), port, opening))
        for name, serve in services.items():
            _is_as_quick(serve, quiet[name], name)


@pytest.mark.disturbs
@pytest.mark.parametrize("port", [465, 587])
def test_submission(port: int, target: Target, relay: str) -> None:
    """Another network is greeted on the flooded port, as quickly as before."""

    def serve() -> None:
        address = ip_address(target, relay, socket.AF_INET6)
        with socket.create_connection((address, port), timeout=ANSWER_S) as plain:
            session = plain if port == 587 else _secured(plain, target.host(relay), "smtp")
            with session:
                assert session.recv(4) == b"220 "

    quiet_s = _median_s(serve)
    with _flood(ip_address(target, relay, socket.AF_INET), port, b"", count=SUBMISSIONS):
        # Postfix starts a process for each that it lets in
        wait_for(lambda: _is_quick(serve), "greeted", within_s=SETTLED_WITHIN_S)
        _is_as_quick(serve, quiet_s, f"port {port}")


@pytest.mark.disturbs
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_limit(family: socket.AddressFamily, lab: LabTarget, relay: str) -> None:
    """One IPv4 address, or one IPv6 /64, has its share of port 443; more is closed at once."""
    for _ in range(ATTEMPTS):
        began_s = time.monotonic()
        with _crowd(lab, relay, family) as opened:
            wait_for(lambda: len(_open(opened)) <= PER_NETWORK, "the rest closed")
            still = len(_open(opened))
            if time.monotonic() - began_s < HEADER_S:  # else the first ones were closed as idle
                assert still > PER_NETWORK * 0.9
                return
    pytest.fail(f"the machine opened no {PER_NETWORK} connections within {HEADER_S} s")


@contextlib.contextmanager
def _crowd(
    lab: LabTarget, relay: str, family: socket.AddressFamily
) -> Iterator[list[socket.socket]]:
    """More connections of a network than it may have, from two addresses that count as one."""
    address, count = ip_address(lab, relay, family), PER_NETWORK // 2 + 200
    with (
        _neighbours(lab, family) as (one, another),
        _flood(address, 443, b"", count=count, client=one) as first,
        _flood(address, 443, b"", count=count, client=another) as second,
    ):
        yield [*first, *second]


@contextlib.contextmanager
def _neighbours(lab: LabTarget, family: socket.AddressFamily) -> Iterator[tuple[str, str]]:
    """Two source addresses that count as one: the same IPv4 address, or two of an IPv6 /64."""
    if family == socket.AF_INET:
        yield "", ""
        return
    client = lab.machine("client")
    added = ("address", "add", f"{NEIGHBOUR}/64", "dev", "eth0", "nodad")
    client.run("ip", *added)
    try:
        yield "", NEIGHBOUR
    finally:
        client.run("ip", "address", "delete", f"{NEIGHBOUR}/64", "dev", "eth0")


@pytest.mark.disturbs
def test_uploads(target: Target, relay: str) -> None:
    """Deliveries over HTTPS have the limit of port 25: 200 for one network; peers try 503 again."""
    with contextlib.ExitStack() as stack:
        uploads: list[ssl.SSLSocket] = []
        for _ in range(UPLOADS_PER_NETWORK):
            session = stack.enter_context(_session(target, relay, "http/1.1", socket.AF_INET))
            _upload(session, relay)
            # one byte now and then, as a slow client sends it
            for slow in uploads if len(uploads) % 20 == 0 else ():
                slow.sendall(b"x")
            uploads.append(session)

        assert wait_for(lambda: _refusal(target, relay, socket.AF_INET), "refused")
        assert _refusal(target, relay, socket.AF_INET6) == b""


def _upload(session: ssl.SSLSocket, relay: str) -> None:
    """Begin a delivery, and send only the start of the message."""
    header = f"POST /mxdeliv HTTP/1.1\r\nHost: {relay}\r\nContent-Length: 10000\r\n\r\n"
    session.sendall(header.encode() + b"From: somebody1")


def _refusal(target: Target, relay: str, family: socket.AddressFamily) -> bytes:
    """The answer to an upload that is refused before it is complete, else nothing."""
    with _session(target, relay, "http/1.1", family) as session:
        _upload(session, relay)
        session.settimeout(1)
        with contextlib.suppress(TimeoutError):
            answer = session.recv(4096)
            assert answer.startswith(b"HTTP/1.1 503")
            assert answer.endswith(b"421 4.7.0 Too many connections. Try again later")
            return answer
    return b""


@pytest.mark.disturbs
@pytest.mark.parametrize(("port", "opening"), FLOODS[1:2] + FLOODS[3:])
def test_the_deadline(port: int, opening: bytes, target: Target, relay: str) -> None:
    """A client has 10 s for its ClientHello or the header of its request."""
    with _flood(ip_address(target, relay, socket.AF_INET), port, opening, count=3) as opened:
        wait_for(lambda: not _open(opened), "closed", within_s=2 * HEADER_S)


def _is_as_quick(serve: Callable[[], object], quiet_s: float, what: str) -> None:
    """Assert it; other programs slow a round down, the flood would slow them all."""
    rounds: list[float] = []
    while len(rounds) < MOST_ROUNDS and not (rounds and rounds[-1] - quiet_s < SLOWER_BY_S):
        rounds.append(_median_s(serve))

    assert rounds[-1] - quiet_s < SLOWER_BY_S, f"{what}: {quiet_s} s before, then {rounds} s"


def _is_quick(serve: Callable[[], object]) -> bool:
    with contextlib.suppress(TimeoutError):
        began_s = time.monotonic()
        serve()
        return time.monotonic() - began_s < 1
    return False


def _median_s(serve: Callable[[], object]) -> float:
    samples = []
    for _ in range(SAMPLES):
        began_s = time.monotonic()
        serve()
        samples.append(time.monotonic() - began_s)
    return statistics.median(samples)


def _page(target: Target, relay: str) -> None:
    with _session(target, relay, "http/1.1") as session:
        session.sendall(f"GET /robots.txt HTTP/1.1\r\nHost: {relay}\r\n\r\n".encode())
        assert session.recv(12) == b"HTTP/1.1 200"


def _greeting(target: Target, relay: str, protocol: str) -> None:
    with _session(target, relay, protocol) as session:
        assert session.recv(4) in {b"* OK", b"220 "}


def _redirect(target: Target, relay: str) -> None:
    address = ip_address(target, relay, socket.AF_INET6)
    with socket.create_connection((address, 80), timeout=ANSWER_S) as plain:
        plain.sendall(f"GET / HTTP/1.1\r\nHost: {relay}\r\n\r\n".encode())
        assert plain.recv(12) == b"HTTP/1.1 301"


@contextlib.contextmanager
def _session(
    target: Target, relay: str, protocol: str, family: socket.AddressFamily = socket.AF_INET6
) -> Iterator[ssl.SSLSocket]:
    address = ip_address(target, relay, family)
    with (
        socket.create_connection((address, 443), timeout=ANSWER_S) as plain,
        _secured(plain, target.host(relay), protocol) as session,
    ):
        yield session


def _secured(plain: socket.socket, host: str, protocol: str) -> ssl.SSLSocket:
    # without the authorities, which take longer to read than a handshake
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(plain, server_hostname=host)


@contextlib.contextmanager
def _flood(
    address: str, port: int, opening: bytes, count: int = EACH, client: str = ""
) -> Iterator[list[socket.socket]]:
    """Connections that stay silent after their first bytes."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            try:
                one = socket.create_connection(
                    (address, port), timeout=ANSWER_S, source_address=(client, 0)
                )
            except OSError:
                continue
            opened.append(stack.enter_context(one))
            with contextlib.suppress(OSError):
                one.sendall(opening)
        yield opened


def _open(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has not closed."""
    poll = select.poll()
    for one in connections:
        poll.register(one, select.POLLIN | select.POLLHUP)
    closed = {descriptor for descriptor, _ in poll.poll(0)}
    return [one for one in connections if one.fileno() not in closed]
