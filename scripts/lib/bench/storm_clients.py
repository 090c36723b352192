"""Clients of storm.py, inside the client's network: commands by lines, answers as JSON lines.

crowd       clients that connect together: `land AT_ONCE WITHIN_S`
bystander   another sender and recipient, who stay connected: `send`, and `stop` for their times
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
from chatmail_testkit.people.names import new_accounts

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
    raw = load.message(sender, recipient, SIZE_BYTES)
    with load.imap_session(recipient) as waiting:
        waiting.idles()
        notices = Notices(waiting)
        for _ in sys.stdin:  # start
            stopping = threading.Event()
            took_ms: list[float] = []
            with load.smtp_session(sender) as session, ThreadPoolExecutor(1) as pool:

                def send() -> None:
                    while not stopping.is_set():
                        start_s = time.perf_counter()
                        session.submit(recipient.address, load.again(raw, time.monotonic_ns()))
                        took_ms.append(1000 * (notices.next_s() - start_s))
                        stopping.wait(every_s)

                sending = pool.submit(send)
                print("{}", flush=True)
                sys.stdin.readline()  # stop
                stopping.set()
                sending.result()
            print(json.dumps({"took_ms": took_ms}), flush=True)


if __name__ == "__main__":
    main()
