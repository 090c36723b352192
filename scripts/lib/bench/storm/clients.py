"""Clients of a storm, inside the client's network: commands by lines, answers as JSON lines.

crowd       clients that connect together: `land AT_ONCE WITHIN_S`, `leave`
bystander   another sender and recipient: `send`, then `stop` for their times; once
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable
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
    sys.stdin.readline()
    # at the last moment: their sockets wait for 60 s at most
    with (
        load.imap_session(recipient) as waiting,
        load.smtp_session(sender) as session,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting.idles()
        notices = Notices(waiting)

        def took_ms(number: int) -> float:
            start_s = time.perf_counter()
            session.submit(recipient.address, load.again(raw, number))
            return 1000 * (notices.next_s() - start_s)

        stopping = threading.Event()
        sending = pool.submit(_until, stopping, every_s, took_ms)
        print("{}", flush=True)
        sys.stdin.readline()
        stopping.set()
        print(json.dumps({"took_ms": sending.result()}), flush=True)


def _until(
    stopping: threading.Event, every_s: float, took_ms: Callable[[int], float]
) -> list[float]:
    """Return the times of all messages that are sent until told to stop."""
    times_ms: list[float] = []
    while not stopping.wait(every_s):
        times_ms.append(took_ms(time.monotonic_ns()))
    return times_ms


if __name__ == "__main__":
    main()
