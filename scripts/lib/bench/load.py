"""Loads a relay from inside the client's network and prints what it measured, as JSON.

Started by sides.py: `python load.py SCENARIO …`; every scenario is one function.
With `--wait` it prints "ready" before the work that is measured, and waits for a line.
"""

from __future__ import annotations

import json
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

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


class People:
    """New addresses: made up, or those that a relay without registration has."""

    def __init__(self, table: Path | None) -> None:
        self._left = None if table is None else _read(table)

    def at(self, domain: str, count: int) -> list[Account]:
        """Return addresses that no other call returned.

        Raises:
            ValueError: the table has too few.
        """
        if self._left is None:
            return new_accounts(domain, count)
        found = [account for account in self._left if account.host == domain][:count]
        if len(found) < count:
            raise ValueError(f"the table of users has {len(found)} of {count} addresses")
        self._left = [account for account in self._left if account not in found]
        return found


def _read(table: Path) -> list[Account]:
    return [
        Account(address=address, password=password)
        for address, password in json.loads(table.read_text())
    ]


def _begin_at_once() -> None:
    """Wait for nothing."""


def _begin_when_told() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to measure: `begin` is called before the work that counts."""

    domain: str
    to: str
    people: People
    begin: Callable[[], None]
    count: int
    every_s: float
    size_bytes: int
    each: int
    at_once: int
    senders: int


def latency(task: Task) -> dict[str, float]:
    """Send messages at a steady pace, in turns, to a recipient in IDLE."""
    senders = task.people.at(task.domain, task.senders)
    [recipient] = task.people.at(task.to, 1)
    accepted_ms, noticed_ms = [], []
    with ExitStack() as stack:
        waiting = stack.enter_context(imap_session(recipient))
        sessions = [stack.enter_context(smtp_session(sender)) for sender in senders]
        waiting.idles()
        notices = Notices(waiting)
        turns = [number % len(senders) for number in range(task.count + 1)]
        raw = [message(senders[turn], recipient, task.size_bytes) for turn in turns]
        # opens the connections between the relays
        sessions[turns.pop()].submit(recipient.address, raw.pop())
        notices.next_s()
        task.begin()
        for turn, text in zip(turns, raw, strict=True):
            time.sleep(task.every_s)
            start_s = time.perf_counter()
            sessions[turn].submit(recipient.address, text)
            accepted_ms.append(1000 * (time.perf_counter() - start_s))
            noticed_ms.append(1000 * (notices.next_s() - start_s))
    return {
        "accepted_median_ms": statistics.median(accepted_ms),
        "noticed_median_ms": statistics.median(noticed_ms),
        "noticed_p95_ms": statistics.quantiles(noticed_ms, n=20)[-1],
    }


def waking(task: Task) -> dict[str, float]:
    """Measure the time from the sender's 250 to the request at the notification server."""
    sender, recipient = task.people.at(task.domain, 2)
    woken_ms = []
    with (
        serving() as notifier,
        imap_session(recipient) as phone,
        smtp_session(sender) as session,
    ):
        phone.command(f'SETMETADATA INBOX ({DEVICE_TOKEN} "openpgp:AAAA")')
        for number in range(task.count + 1):
            raw = message(sender, recipient, task.size_bytes)
            time.sleep(task.every_s)
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


def throughput(task: Task) -> dict[str, float]:
    """Send from 20 senders without pauses; end when the last message has arrived."""
    senders = task.people.at(task.domain, SENDERS)
    recipients = task.people.at(task.to, SENDERS)
    raw = [message(*pair, task.size_bytes) for pair in zip(senders, recipients, strict=True)]
    with ThreadPoolExecutor(SENDERS) as pool:
        inboxes = list(pool.map(imap_session, recipients))
        sessions = list(pool.map(smtp_session, senders))

        def send(number: int) -> None:
            for count in range(task.each):
                sessions[number].submit(recipients[number].address, again(raw[number], count))

        task.begin()
        start_s = time.perf_counter()
        list(pool.map(send, range(SENDERS)))
    _await(inboxes, task.each, start_s + ARRIVAL_DEADLINE_S)
    return {"messages_per_s": SENDERS * task.each / (time.perf_counter() - start_s)}


def _await(inboxes: Sequence[RawImap], count: int, deadline_s: float) -> None:
    for inbox in inboxes:
        while inbox.messages() < count:
            if time.perf_counter() > deadline_s:
                raise TimeoutError("messages were accepted, but did not arrive")
            time.sleep(0.02)


def logins(task: Task) -> dict[str, float]:
    """Log in `at_once` at a time: first logins, which create addresses, then again."""
    people = task.people.at(task.domain, task.count)
    created_s = _duration_s(task.at_once, _login, people)
    task.begin()
    return {
        "created_per_s": task.count / created_s,
        "logins_per_s": task.count / _duration_s(task.at_once, _login, people),
    }


def _login(account: Account) -> None:
    with imap_session(account):
        pass


def _duration_s(at_once: int, work: Callable[[Account], None], people: Sequence[Account]) -> float:
    with ThreadPoolExecutor(at_once) as pool:
        start_s = time.perf_counter()
        list(pool.map(work, people))
        return time.perf_counter() - start_s


def idle(task: Task) -> dict[str, float]:
    """Open idle connections, print "idle", and hold them until standard input ends."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(imap_session, task.people.at(task.domain, task.count)))
    for session in sessions:
        session.idles()
    print("idle", flush=True)
    sys.stdin.read()
    return {"connections": float(len(sessions))}


SCENARIOS: dict[str, Callable[[Task], dict[str, float]]] = {
    "latency": latency,
    "waking": waking,
    "throughput": throughput,
    "logins": logins,
    "idle": idle,
}


@click.command()
@click.argument("scenario", type=click.Choice(list(SCENARIOS)))
@click.option("--domain", required=True)
@click.option("--to", help="Domain of the recipients; the senders' own if left out.")
@click.option("--count", default=60, help="Messages, addresses or connections.")
@click.option("--every-s", default=0.3)
@click.option("--size-bytes", default=2500)
@click.option("--each", default=50, help="Messages of each sender.")
@click.option("--at-once", default=AT_ONCE, help="Logins.")
@click.option("--senders", default=1, help="Of messages that are sent at a steady pace.")
@click.option("--people", type=click.Path(path_type=Path), help="JSON: [[address, password], …].")
@click.option("--wait", is_flag=True, help="Wait for a line before the work that is measured.")
def main(
    scenario: str,
    domain: str,
    to: str | None,
    count: int,
    every_s: float,
    size_bytes: int,
    each: int,
    at_once: int,
    senders: int,
    people: Path | None,
    wait: bool,
) -> None:
    """Run one scenario against the relay of a domain, and print its figures as JSON."""
    task = Task(
        domain=domain,
        to=to or domain,
        people=People(people),
        begin=_begin_when_told if wait else _begin_at_once,
        count=count,
        every_s=every_s,
        size_bytes=size_bytes,
        each=each,
        at_once=at_once,
        senders=senders,
    )
    print(json.dumps(SCENARIOS[scenario](task)), flush=True)


if __name__ == "__main__":
    main()
