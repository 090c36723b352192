"""People who come, wait in IDLE, and write; prints what that took, as JSON. Started by small.py."""

from __future__ import annotations

import json
import queue
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import load
from wire import Imap

AT_ONCE = 8
SENDERS = 10  # each below the rate at which one address may send


def come(user: load.User) -> Imap:
    """Log in, and wait at once, as phones do."""
    session = user.imap()
    session.idles()
    return session


def main(domain: str, people: int, per_second: float, seconds: int) -> None:
    """Let people come, then send to one of them at a steady pace."""
    start_s = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(come, load.users(domain, people)))
    came_s = time.monotonic() - start_s
    senders, [recipient] = load.users(domain, SENDERS), load.users(domain, 1)
    notices: queue.Queue[float] = queue.Queue()
    waiting = come(recipient)
    threading.Thread(target=load._listen, args=(waiting, notices), daemon=True).start()
    out = [sender.smtp() for sender in senders]
    took_ms, start_s = [], time.monotonic()
    for number in range(round(per_second * seconds)):
        time.sleep(max(0, start_s + number / per_second - time.monotonic()))
        sender, session = senders[number % SENDERS], out[number % SENDERS]
        sent_s = time.perf_counter()
        session.submit(recipient.address, load.message(sender, recipient, 2500))
        took_ms.append(1000 * (load._next(notices) - sent_s))
    figures = {
        "people": len(sessions),
        "came_s": round(came_s, 1),
        "messages_per_second": round(len(took_ms) / (time.monotonic() - start_s), 2),
        "noticed_median_ms": round(statistics.median(took_ms), 1),
        "noticed_p95_ms": round(statistics.quantiles(took_ms, n=20)[-1], 1),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
