"""Sends one message to many local recipients, and prints when each was notified, as JSON.

Started by measure.py, in the network of the lab's client. All recipients wait in IDLE. One thread
reads all their sessions, because the clients use the cores of the relay that they measure.
"""

from __future__ import annotations

import contextlib
import json
import resource
import selectors
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import click
from bench import load
from chatmail_testkit.mail.raw import RawImap, RawSmtp
from chatmail_testkit.people.names import Account, new_accounts

DEADLINE_S = 120
AT_ONCE = 20
CHUNK_BYTES = 65536
KEPT_BYTES = 4096
FETCH = b"DONE\r\nf UID FETCH %d (FLAGS BODY.PEEK[])\r\n"


class Recipient(RawImap):
    """A session in IDLE; after the notice of a message it fetches it, or does nothing."""

    def __init__(self, account: Account, tls: ssl.SSLContext) -> None:
        super().__init__(account.host, account.address, account.password, tls)
        self.noticed_s = 0.0
        self.done_s = 0.0
        self.uid = 1
        self.fetches = False
        self._seen = b""

    def watched_by(self, selector: selectors.BaseSelector) -> None:
        """Read from now on only where the selector says that there is something."""
        self._socket.setblocking(False)
        selector.register(self._socket, selectors.EVENT_READ, self)

    def restarts(self) -> None:
        """Wait for another message."""
        self.uid += 1
        self.noticed_s = self.done_s = 0.0

    def reads(self) -> bool:
        """Read what has arrived; return whether this was the end of the work."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while received := self._socket.recv(CHUNK_BYTES):
                self._seen = (self._seen + received)[-KEPT_BYTES:]
        now_s = time.perf_counter()
        if not self.noticed_s and b" EXISTS\r\n" in self._seen:
            self.noticed_s = now_s
            self._seen = b""
            if self.fetches:
                self._socket.sendall(FETCH % self.uid)
                return False
        elif not self.noticed_s or not self.fetches or b"f OK" not in self._seen:
            return False
        else:
            self._seen = b""
            self._socket.sendall(b"x IDLE\r\n")
        self.done_s = now_s
        return True


class Sender(RawSmtp):
    """A session that sends one message to many."""

    def submits_to(self, recipients: Sequence[Account], message: bytes) -> None:
        """Send a message whose lines are dot-stuffed; return at the 250."""
        commands = [f"MAIL FROM:<{self._address}>", *(f"RCPT TO:<{r.address}>" for r in recipients)]
        self.send(("\r\n".join(commands) + "\r\nDATA\r\n").encode())
        for code in [b"250"] * len(commands) + [b"354"]:
            self._expect(code)
        self.send(message + b"\r\n.\r\n")
        self._expect(b"250")


def await_all(selector: selectors.BaseSelector, count: int) -> None:
    """Read until all have the message."""
    deadline_s = time.monotonic() + DEADLINE_S
    missing = count
    while missing:
        ready = selector.select(1)
        missing -= sum(key.data.reads() for key, _ in ready)
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{missing} of {count} did not get the message")


def own_cpu_s() -> float:
    """Return the CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def many(
    domain: str, count: int, size_bytes: int, rounds: int, *, fetches: bool
) -> Iterator[dict[str, float]]:
    """Send `rounds` messages to the same recipients, each after a line of standard input."""
    [sender], accounts = new_accounts(domain, 1), new_accounts(domain, count)
    tls = load.without_verification()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        recipients = list(pool.map(lambda account: Recipient(account, tls), accounts))
    selector = selectors.DefaultSelector()
    for recipient in recipients:
        recipient.fetches = fetches
        recipient.idles()
        recipient.watched_by(selector)
    raw = load.message(sender, accounts[0], size_bytes)
    with Sender(sender.host, sender.address, sender.password, tls) as session:
        for number in range(rounds):
            print("ready", flush=True)
            sys.stdin.readline()
            cpu_s, start_s = own_cpu_s(), time.perf_counter()
            session.submits_to(accounts, load.again(raw, number))
            accepted_s = time.perf_counter()
            await_all(selector, count)
            done_s = max(recipient.done_s for recipient in recipients)
            noticed_s = sorted(recipient.noticed_s for recipient in recipients)
            yield {
                "accepted_s": accepted_s - start_s,
                "first_s": noticed_s[0] - start_s,
                "median_s": noticed_s[count // 2] - start_s,
                "last_s": noticed_s[-1] - start_s,
                "done_s": done_s - start_s,
                "clients_cpu_s": own_cpu_s() - cpu_s,
            }
            for recipient in recipients:
                recipient.restarts()


@click.command()
@click.option("--domain", required=True)
@click.option("--count", default=500, help="Recipients.")
@click.option("--size-bytes", default=2048)
@click.option("--rounds", default=3)
@click.option("--fetches", is_flag=True, help="Recipients fetch the message, too.")
def main(domain: str, count: int, size_bytes: int, rounds: int, *, fetches: bool) -> None:
    """Send messages to many, and print the figures of each as a line of JSON.

    Before each message it prints "ready" and reads a line: its caller waits and counts.
    """
    for figures in many(domain, count, size_bytes, rounds, fetches=fetches):
        print(json.dumps({key: round(value, 3) for key, value in figures.items()}), flush=True)


if __name__ == "__main__":
    main()
