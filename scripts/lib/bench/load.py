"""Loads a relay from inside the client's network and prints what it measured, as JSON.

Started by compare.py: `python load.py SCENARIO …`; every scenario is one function.
"""

from __future__ import annotations

import json
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import click
from bench.notices import DEADLINE_S, Notices
from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.mail.raw import RawImap, RawSmtp
from chatmail_testkit.peers.notifier import Notifier, serving
from chatmail_testkit.people.names import Account, new_accounts

SENDERS = 20
AT_ONCE = 50
ARRIVAL_DEADLINE_S = 300


def smtp_session(account: Account) -> RawSmtp:
    """Return a logged-in session on port 465."""
    return RawSmtp(account.host, account.address, account.password, _TLS)


def imap_session(account: Account) -> RawImap:
    """Return a logged-in session on port 993."""
    return RawImap(account.host, account.address, account.password, _TLS)


def message(sender: Account, recipient: Account, size_bytes: int) -> bytes:
    """Return an encrypted message of about `size_bytes`, ready for DATA."""
    armored = openpgp.armored_filling(size_bytes)
    raw = messages.encrypted(sender.address, [recipient.address], armored)
    return raw.removesuffix(b"\r\n")


def again(raw: bytes, count: int) -> bytes:
    """Return the message with a new Message-ID, because relays drop duplicates."""
    return raw.replace(b"Message-ID: <", b"Message-ID: <%d." % count, 1)


def without_verification() -> ssl.SSLContext:
    """Return a context that checks no certificate, to save CPU time of the client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TLS = without_verification()


def latency(domain: str, to: str, count: int, every_s: float, size_bytes: int) -> dict[str, float]:
    """Send messages at a steady pace to a recipient in IDLE."""
    [sender], [recipient] = new_accounts(domain, 1), new_accounts(to, 1)
    accepted_ms, noticed_ms = [], []
    with imap_session(recipient) as waiting, smtp_session(sender) as session:
        waiting.idles()
        notices = Notices(waiting)
        raw = [message(sender, recipient, size_bytes) for _ in range(count + 1)]
        session.submit(recipient.address, raw.pop())  # opens the connections between the relays
        notices.next_s()
        for number in range(count):
            time.sleep(every_s)
            start_s = time.perf_counter()
            session.submit(recipient.address, raw[number])
            accepted_ms.append(1000 * (time.perf_counter() - start_s))
            noticed_ms.append(1000 * (notices.next_s() - start_s))
    return {
        "accepted_median_ms": statistics.median(accepted_ms),
        "noticed_median_ms": statistics.median(noticed_ms),
        "noticed_p95_ms": statistics.quantiles(noticed_ms, n=20)[-1],
    }


def waking(domain: str, count: int, every_s: float) -> dict[str, float]:
    """Measure the time from the sender's 250 to the request at the notification server."""
    sender, recipient = new_accounts(domain, 2)
    woken_ms = []
    with (
        serving() as notifier,
        imap_session(recipient) as phone,
        smtp_session(sender) as session,
    ):
        phone.command(f'SETMETADATA INBOX ({DEVICE_TOKEN} "openpgp:AAAA")')
        for number in range(count + 1):
            raw = message(sender, recipient, 2500)
            time.sleep(every_s)
            session.submit(recipient.address, raw)
            accepted_s = time.monotonic()
            woken_ms.append(1000 * (_call(notifier, number) - accepted_s))
    # the first one opens the connection
    return {"woken_median_ms": statistics.median(woken_ms[1:])}


def _call(notifier: Notifier, number: int) -> float:
    deadline_s = time.monotonic() + DEADLINE_S
    while len(notifier.calls) <= number:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"no phone was woken within {DEADLINE_S} s")
        time.sleep(0.0005)
    return notifier.calls[number].at_s


def throughput(domain: str, to: str, size_bytes: int, each: int) -> dict[str, float]:
    """Send from 20 senders without pauses; end when the last message has arrived."""
    senders, recipients = new_accounts(domain, SENDERS), new_accounts(to, SENDERS)
    pairs = list(zip(senders, recipients, strict=True))
    raw = [message(*pair, size_bytes) for pair in pairs]
    with ThreadPoolExecutor(SENDERS) as pool:
        inboxes = list(pool.map(imap_session, recipients))
        sessions = list(pool.map(smtp_session, senders))

        def send(number: int) -> None:
            for count in range(each):
                sessions[number].submit(recipients[number].address, again(raw[number], count))

        start_s = time.perf_counter()
        list(pool.map(send, range(SENDERS)))
    _await(inboxes, each, start_s + ARRIVAL_DEADLINE_S)
    return {"messages_per_s": SENDERS * each / (time.perf_counter() - start_s)}


def _await(inboxes: Sequence[RawImap], count: int, deadline_s: float) -> None:
    for inbox in inboxes:
        while inbox.messages() < count:
            if time.perf_counter() > deadline_s:
                raise TimeoutError("messages were accepted, but did not arrive")
            time.sleep(0.02)


def logins(domain: str, count: int) -> dict[str, float]:
    """Log in 50 at a time: first logins, which create addresses, then again."""
    people = new_accounts(domain, count)
    return {
        "created_per_s": count / _duration_s(_login, people),
        "logins_per_s": count / _duration_s(_login, people),
    }


def _login(account: Account) -> None:
    with imap_session(account):
        pass


def _duration_s(work: Callable[[Account], None], people: Sequence[Account]) -> float:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        start_s = time.perf_counter()
        list(pool.map(work, people))
        return time.perf_counter() - start_s


def idle(domain: str, count: int) -> dict[str, float]:
    """Open idle connections, print "idle", and hold them until standard input ends."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(imap_session, new_accounts(domain, count)))
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
    """Run one scenario against the relay of a domain, and print its figures as JSON."""
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
