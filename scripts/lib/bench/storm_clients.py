"""Clients of storm.py, inside the client's network: commands by lines, answers as JSON lines.

crowd       clients that connect together: `land AT_ONCE WITHIN_S`, `leave`
bystander   another sender and recipient, who stay connected: `send`, then `stop` for their times
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import click
from bench import load
from bench.notices import Notices
from chatmail_testkit.mail.storm import Crowd
from chatmail_testkit.people.names import Account, new_accounts

SIZE_BYTES = 2500


@click.group()
def main() -> None:
    """Play clients of a relay."""


@main.command()
@click.option("--domain", required=True)
@click.option("--count", required=True, type=int)
@click.option("--source", "sources", multiple=True)
def crowd(*, domain: str, count: int, sources: tuple[str, ...]) -> None:
    """Connect together, as often as told; hold the connections in between."""
    with Crowd(domain, new_accounts(domain, count), sources) as clients:
        for line in sys.stdin:
            match line.split():
                case ["land", at_once, within_s]:
                    landing = clients.lands(int(at_once), float(within_s))
                    print(json.dumps(dataclasses.asdict(landing)), flush=True)
                case ["leave"]:
                    clients.leaves()
                    print("{}", flush=True)
                case _:
                    raise ValueError(line)


@main.command()
@click.option("--domain", required=True)
@click.option("--every-s", default=0.1)
def bystander(*, domain: str, every_s: float) -> None:
    """Send messages at a steady pace to a recipient in IDLE."""
    sender, recipient = new_accounts(domain, 2)
    with load.imap_session(recipient) as waiting, ThreadPoolExecutor(1) as pool:
        waiting.idles()
        notices = Notices(waiting)
        while sys.stdin.readline():
            stopping = threading.Event()
            sending = pool.submit(_took_ms, sender, recipient, notices, every_s, stopping)
            print("{}", flush=True)
            sys.stdin.readline()
            stopping.set()
            print(json.dumps({"took_ms": sending.result()}), flush=True)


def _took_ms(
    sender: Account, recipient: Account, notices: Notices, every_s: float, stopping: threading.Event
) -> list[float]:
    """Send until told to stop; return the time until each notice."""
    raw = load.message(sender, recipient, SIZE_BYTES)
    took_ms: list[float] = []
    with load.smtp_session(sender) as session:
        while not stopping.wait(every_s):
            start_s = time.perf_counter()
            session.submit(recipient.address, load.again(raw, len(took_ms)))
            took_ms.append(1000 * (notices.next_s() - start_s))
    return took_ms


if __name__ == "__main__":
    main()
