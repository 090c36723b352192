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
    with load.imap_session(recipient) as waiting, load.smtp_session(sender) as session:
        waiting.idles()
        notices = Notices(waiting)
        raw = load.message(sender, recipient, SIZE_BYTES)
        took_ms: list[float] = []
        stopping = threading.Event()

        def send() -> None:
            while not stopping.is_set():
                start_s = time.perf_counter()
                session.submit(recipient.address, load.again(raw, len(took_ms)))
                sys.stderr.write(f"accepted {1000*(time.perf_counter() - start_s):.0f}\n")
                took_ms.append(1000 * (notices.next_s() - start_s))
                stopping.wait(every_s)

        thread = threading.Thread()
        for line in sys.stdin:
            if line.strip() == "send":
                took_ms.clear()
                stopping.clear()
                thread = threading.Thread(target=send)
                thread.start()
                print("{}", flush=True)
            else:
                stopping.set()
                thread.join()
                print(json.dumps({"took_ms": took_ms}), flush=True)


if __name__ == "__main__":
    main()
