"""Loads a relay from inside the client's network and prints what it measured, as JSON.

Started by bench.py: `python load.py SCENARIO …`; every scenario is one function.
"""

from __future__ import annotations

import json
import queue
import secrets
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from wire import Imap, Smtp

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "e2e"))

from support import messages, openpgp
from support.notifier import DEVICE_TOKEN, Notifier, serving

SENDERS = 20
AT_ONCE = 50
ARRIVAL_DEADLINE_S = 300
NOTICE_DEADLINE_S = 90  # longer than Postfix waits before it tries again


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An address with its password, at a host of the same name as its domain."""

    address: str
    password: str

    @property
    def host(self) -> str:
        return self.address.partition("@")[2]

    def smtp(self) -> Smtp:
        return Smtp(self.host, self.address, self.password, _TLS)

    def imap(self) -> Imap:
        return Imap(self.host, self.address, self.password, _TLS)


def users(domain: str, count: int) -> list[User]:
    """Returns users that do not exist yet."""
    return [
        User(address=f"{secrets.token_hex(5)[:9]}@{domain}", password=secrets.token_hex(8))
        for _ in range(count)
    ]


def message(sender: User, recipient: User, size_bytes: int) -> bytes:
    """Returns an encrypted message of about a size, ready for DATA."""
    data = openpgp.filling(max(64, (size_bytes - 900) * 3 // 4))
    raw = messages.encrypted(sender.address, [recipient.address], openpgp.armor(data))
    return raw.removesuffix(b"\r\n")


def _again(raw: bytes, count: int) -> bytes:
    """The message with another Message-ID: relays recognise a delivery that is repeated."""
    return raw.replace(b"Message-ID: <", b"Message-ID: <%d." % count, 1)


def _without_verification() -> ssl.SSLContext:
    """Verifying is the client's work, and this client takes it from the cores of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TLS = _without_verification()


def latency(domain: str, to: str, count: int, every_s: float, size_bytes: int) -> dict[str, float]:
    """One message after the other at a steady pace, to somebody who waits in IDLE."""
    [sender], [recipient] = users(domain, 1), users(to, 1)
    notices: queue.Queue[float] = queue.Queue()
    accepted_ms, noticed_ms = [], []
    with recipient.imap() as waiting, sender.smtp() as session:
        waiting.idles()
        threading.Thread(target=_listen, args=(waiting, notices), daemon=True).start()
        raw = [message(sender, recipient, size_bytes) for _ in range(count + 1)]
        session.submit(recipient.address, raw.pop())  # connections between relays are open now
        _next(notices)
        for number in range(count):
            time.sleep(every_s)
            start_s = time.perf_counter()
            session.submit(recipient.address, raw[number])
            accepted_ms.append(1000 * (time.perf_counter() - start_s))
            noticed_ms.append(1000 * (_next(notices) - start_s))
    return {
        "accepted_median_ms": statistics.median(accepted_ms),
        "noticed_median_ms": statistics.median(noticed_ms),
        "noticed_p95_ms": statistics.quantiles(noticed_ms, n=20)[-1],
    }


def _next(notices: queue.Queue[float]) -> float:
    try:
        return notices.get(timeout=NOTICE_DEADLINE_S)
    except queue.Empty:
        raise TimeoutError(f"no notice of a message within {NOTICE_DEADLINE_S} s") from None


def _listen(session: Imap, notices: queue.Queue[float]) -> None:
    while True:
        try:
            session.notice()
        except (OSError, ValueError, RuntimeError):
            return
        notices.put(time.perf_counter())


def waking(domain: str, count: int, every_s: float) -> dict[str, float]:
    """From the sender's 250 until the notification server has the recipient's token."""
    sender, recipient = users(domain, 2)
    woken_ms = []
    with serving() as notifier, recipient.imap() as phone, sender.smtp() as session:
        phone.command(f'SETMETADATA INBOX ({DEVICE_TOKEN} "openpgp:AAAA")')
        for number in range(count + 1):
            raw = message(sender, recipient, 2500)
            time.sleep(every_s)
            session.submit(recipient.address, raw)
            accepted_s = time.monotonic()
            woken_ms.append(1000 * (_call(notifier, number) - accepted_s))
    # the first one opens the connection to the server
    return {"woken_median_ms": statistics.median(woken_ms[1:])}


def _call(notifier: Notifier, number: int) -> float:
    deadline_s = time.monotonic() + NOTICE_DEADLINE_S
    while len(notifier.calls) <= number:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"nobody was woken within {NOTICE_DEADLINE_S} s")
        time.sleep(0.0005)
    return notifier.calls[number].at_s


def throughput(domain: str, to: str, size_bytes: int, each: int) -> dict[str, float]:
    """Twenty senders as fast as they can; ends when the last message is in its mailbox."""
    senders, recipients = users(domain, SENDERS), users(to, SENDERS)
    pairs = list(zip(senders, recipients, strict=True))
    raw = [message(*pair, size_bytes) for pair in pairs]
    with ThreadPoolExecutor(SENDERS) as pool:
        inboxes = list(pool.map(User.imap, recipients))
        sessions = list(pool.map(User.smtp, senders))

        def send(number: int) -> None:
            for count in range(each):
                sessions[number].submit(recipients[number].address, _again(raw[number], count))

        start_s = time.perf_counter()
        list(pool.map(send, range(SENDERS)))
    _await(inboxes, each, start_s + ARRIVAL_DEADLINE_S)
    return {"messages_per_s": SENDERS * each / (time.perf_counter() - start_s)}


def _await(inboxes: Sequence[Imap], count: int, deadline_s: float) -> None:
    for inbox in inboxes:
        while inbox.messages() < count:
            if time.perf_counter() > deadline_s:
                raise TimeoutError("messages were accepted, but did not arrive")
            time.sleep(0.02)


def logins(domain: str, count: int) -> dict[str, float]:
    """Fifty at once: first logins that make addresses, then logins to the same addresses."""
    people = users(domain, count)
    return {
        "created_per_s": count / _duration_s(_login, people),
        "logins_per_s": count / _duration_s(_login, people),
    }


def _login(user: User) -> None:
    with user.imap():
        pass


def _duration_s(work: Callable[[User], None], people: Sequence[User]) -> float:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        start_s = time.perf_counter()
        list(pool.map(work, people))
        return time.perf_counter() - start_s


def idle(domain: str, count: int) -> dict[str, float]:
    """Opens idle connections, prints "idle", and holds them until standard input ends."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(User.imap, users(domain, count)))
    for session in sessions:
        session.idles()
    print("idle", flush=True)
    sys.stdin.read()
    return {"connections": float(len(sessions))}


@click.command()
@click.argument(
    "scenario", type=click.Choice(["latency", "waking", "throughput", "logins", "idle"])
)
@click.option("--domain", required=True)
@click.option("--to", help="Domain of the recipients; the senders' own if left out.")
@click.option("--count", default=60, help="Messages, addresses or connections.")
@click.option("--every-s", default=0.3)
@click.option("--size-bytes", default=2500)
@click.option("--each", default=50, help="Messages of each sender.")
def main(
    scenario: str,
    domain: str,
    to: str | None,
    count: int,
    every_s: float,
    size_bytes: int,
    each: int,
) -> None:
    """Run one scenario against the relay of a domain."""
    measured = {
        "latency": lambda: latency(domain, to or domain, count, every_s, size_bytes),
        "waking": lambda: waking(domain, count, every_s),
        "throughput": lambda: throughput(domain, to or domain, size_bytes, each),
        "logins": lambda: logins(domain, count),
        "idle": lambda: idle(domain, count),
    }[scenario]()
    print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
