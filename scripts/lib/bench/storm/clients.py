"""Clients of a storm, inside the client's network: commands by lines, answers as JSON lines.

crowd       clients that connect together: `land AT_ONCE WITHIN_S`, `leave`
bystander   another sender with recipients: `send`, then `stop` for their times; once
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import click
from bench import load
from bench.notices import Notices
from chatmail_testkit.mail.storm import Crowd
from chatmail_testkit.people.names import new_accounts

SIZE_BYTES = 2500
# each has a message every two seconds, and its session hibernates in between
RECIPIENTS = 20
HIBERNATED_S = 3


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
    """Send messages at a steady pace, in turns to recipients whose sessions hibernate."""
    sender, *recipients = new_accounts(domain, 1 + RECIPIENTS)
    sys.stdin.readline()
    # at the last moment: their sockets wait for 60 s at most
    with ExitStack() as stack:
        waiting = [stack.enter_context(load.imap_session(one)) for one in recipients]
        for one in waiting:
            one.idles()
        turns = itertools.cycle(zip(recipients, map(Notices, waiting), strict=True))
        session = stack.enter_context(load.smtp_session(sender))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        time.sleep(HIBERNATED_S)

        def took_ms(number: int) -> float:
            recipient, notices = next(turns)
            raw = load.message(sender, recipient, SIZE_BYTES)
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
