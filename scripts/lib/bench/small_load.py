"""Logs in clients that stay in IDLE, sends messages, and prints the times as JSON.

Started by small.py.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench import load
from bench.notices import Notices
from chatmail_testkit.mail.raw import RawImap
from chatmail_testkit.people.names import Account, new_accounts

AT_ONCE = 8
SENDERS = 10  # each stays below the rate limit of one address


def come(account: Account) -> RawImap:
    """Log in and start IDLE at once, as phones do."""
    session = load.imap_session(account)
    session.idles()
    return session


def main(domain: str, people: int, per_second: float, seconds: int) -> None:
    """Log in `people` clients, then send to one more at a steady pace."""
    start_s = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(come, new_accounts(domain, people)))
    came_s = time.monotonic() - start_s
    senders, [recipient] = new_accounts(domain, SENDERS), new_accounts(domain, 1)
    notices = Notices(come(recipient))
    out = [load.smtp_session(sender) for sender in senders]
    took_ms, start_s = [], time.monotonic()
    for number in range(round(per_second * seconds)):
        time.sleep(max(0, start_s + number / per_second - time.monotonic()))
        sender, session = senders[number % SENDERS], out[number % SENDERS]
        sent_s = time.perf_counter()
        session.submit(recipient.address, load.message(sender, recipient, 2500))
        took_ms.append(1000 * (notices.next_s() - sent_s))
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
